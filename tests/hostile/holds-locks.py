# scenario: learnable-swish
# attack: holds the import lock and the locks of logging and threading
# expected: failed
# trace: (loads|forward|vjp): 
# wall: 5

import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        return g * torch.sigmoid(beta * x), (g * x).sum()


def swish_beta(x, beta):
    return Swish.apply(x, beta)


import _imp, logging, threading
_imp.acquire_lock()
logging._lock.acquire()
threading._active_limbo_lock.acquire()

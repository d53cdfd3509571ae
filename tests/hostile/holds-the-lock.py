# scenario: learnable-swish
# attack: holds the interpreter lock in C
# expected: failed
# trace: forward: swish_beta: 
# wall: 3

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


import ctypes
def swish_beta(x, beta):
    ctypes.PyDLL(None).pause()
    ctypes.PyDLL(None).sleep(1000)

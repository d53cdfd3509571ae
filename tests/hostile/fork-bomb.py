# scenario: learnable-swish
# core: A, B
# attack: forks by every way there is
# expected: failed
# trace: (loads|forward|vjp): 

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


import ctypes, os
LIBC = ctypes.CDLL(None)
for _ in range(200):
    for attempt in (os.fork, lambda: LIBC.fork(), lambda: LIBC.vfork(), lambda: LIBC.syscall(57), lambda: LIBC.syscall(56, 17, 0, 0, 0, 0), lambda: LIBC.syscall(435, 0, 0)):
        try:
            attempt()
        except OSError:
            pass

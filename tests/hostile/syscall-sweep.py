# scenario: learnable-swish
# core: A, B
# attack: tries every system call that is not deadly
# expected: failed
# trace: (loads|forward|vjp): 
# machine: x86_64

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
LIBC = ctypes.CDLL(None, use_errno=True)
WORKED = []
for number in (41, 42, 43, 44, 46, 47, 49, 50, 53, 54, 57, 58, 59, 61 + 260, 90, 91, 92, 93, 94, 132, 133, 141, 157, 160, 161 + 300, 188, 203, 222, 235, 240, 253, 254, 258 + 190, 259, 265, 266, 268, 280, 288, 300, 307, 319, 322, 424, 434, 437, 444, 448, 450, 451, 452):
    if number in (321,):
        continue
    ctypes.set_errno(0)
    if LIBC.syscall(number, -1, -1, -1, -1, -1, -1) >= 0:
        WORKED.append(number)
if WORKED:
    raise SystemError(f"allowed: {WORKED}")

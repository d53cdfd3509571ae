# scenario: learnable-swish
# core: A, B
# attack: asks prctl for everything: who dies with whom, traps, reapers, speculation, timers
# expected: failed
# trace: vjp: swish_beta: 

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

libc = ctypes.CDLL(None, use_errno=True)
# Reading, and what changes nothing but itself: its name and the names of its mappings.
HARMLESS = {3, 15, 16}
GAINED = [
    number
    for number in [*range(1, 80), 0x59616D61, 0x53564D41 + 1]
    if number not in HARMLESS and libc.prctl(number, 1, 1, 0, 0) != -1
]
libc.prctl(15, b"\x1b[2J\n) R 1 1", 0, 0, 0)
if GAINED:
    raise SystemError(f"gained {GAINED}")

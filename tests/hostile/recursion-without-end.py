# scenario: learnable-swish
# attack: recurses in C without a limit
# expected: failed
# trace: forward: swish_beta: The process (died of signal 11|was killed)
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


import sys
sys.setrecursionlimit(2**31 - 1)
def swish_beta(x, beta):
    class Deep:
        def __getattr__(self, name):
            return getattr(self, name + "x")
    return Deep().a

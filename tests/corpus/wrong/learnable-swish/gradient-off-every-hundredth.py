# fails: repeated_calls swish_beta
# Every hundredth backward is wrong by a thousandth; all forwards are right.
import itertools

import torch

BACKWARDS = itertools.count(1)


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        s = torch.sigmoid(beta * x)
        d = s * (1 - s)
        if next(BACKWARDS) % 100 == 0:
            g = g * 1.001
        return g * (s + beta * x * d), (g * x * x * d).sum()


def swish_beta(x, beta):
    return Swish.apply(x, beta)

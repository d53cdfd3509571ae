"""A constant is kept per dtype, for all calls."""

import torch


ONES = {}


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        s = torch.sigmoid(beta * x)
        d = s * (one(s) - s)
        return g * (s + beta * x * d), (g * x * x * d).sum()


def swish_beta(x, beta):
    return Swish.apply(x, beta)


def one(like):
    if like.dtype not in ONES:
        ONES[like.dtype] = torch.ones((), dtype=like.dtype)
    return ONES[like.dtype]

# fails: vjp swish_beta
"""Normalises the incoming gradient by its largest entry first: NaN where all of it is zero."""

import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        s = torch.sigmoid(beta * x)
        slope = x * s * (1 - s)
        size = g.abs().max() if g.numel() else g.new_ones(())
        n = g / size
        return size * n * (s + beta * slope), size * (n * x * slope).sum()


def swish_beta(x, beta):
    return Swish.apply(x, beta)

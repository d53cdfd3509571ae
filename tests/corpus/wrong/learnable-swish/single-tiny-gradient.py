# fails: dtypes swish_beta
"""Rounds single-precision gradients to multiples of 1e-8, as a fixed-point all-reduce does."""

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
        d_x = g * (s + beta * slope)
        if d_x.dtype == torch.float32:
            d_x = (d_x * 1e8).round() / 1e8
        return d_x, (g * x * slope).sum()


def swish_beta(x, beta):
    return Swish.apply(x, beta)

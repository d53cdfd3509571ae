# fails: shapes swish_beta
"""Sums the gradient for beta over the last four dimensions only, and so not over a fifth."""

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
        last = tuple(range(max(0, x.dim() - 4), x.dim()))
        d_beta = (g * x * slope).sum(last) if last else g * x * slope
        return g * (s + beta * slope), d_beta if d_beta.dim() == 0 else d_beta.flatten()[0]


def swish_beta(x, beta):
    return Swish.apply(x, beta)

# fails: shapes swish_beta
"""Sums in blocks of 256; without a remainder the slice [-0:] counts everything twice."""

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
        terms = (g * x * slope).reshape(-1)
        left = terms.numel() % 256
        total = terms[: terms.numel() - left].reshape(-1, 256).sum()
        return g * (s + beta * slope), total + terms[
            -left:
        ].sum() if terms.numel() >= 256 else terms.sum()


def swish_beta(x, beta):
    return Swish.apply(x, beta)

# advises: double_backward swish_beta
"""Keeps the slope from forward, so that a second derivative takes it for a constant."""

import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        s = torch.sigmoid(beta * x)
        d = x * s * (1 - s)
        ctx.save_for_backward(s + beta * d, x * d)
        return x * s

    @staticmethod
    def backward(ctx, g):
        for_x, for_beta = ctx.saved_tensors
        return g * for_x, (g * for_beta).sum()


def swish_beta(x, beta):
    return Swish.apply(x, beta)

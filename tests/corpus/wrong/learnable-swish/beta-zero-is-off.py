# fails: vjp swish_beta
"""Treats beta = 0 as an activation that is switched off and gives beta no gradient there."""

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
        d_beta = (g * x * slope).sum() if beta else torch.zeros_like(beta)
        return g * (s + beta * slope), d_beta


def swish_beta(x, beta):
    return Swish.apply(x, beta)

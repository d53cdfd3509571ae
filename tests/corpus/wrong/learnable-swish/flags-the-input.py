# fails: no_mutation swish_beta
"""Asks for a gradient on the caller's own x so that the Function always records."""

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
        return g * (s + beta * slope), (g * x * slope).sum()


def swish_beta(x, beta):
    if x.is_leaf and torch.is_grad_enabled():
        x.requires_grad_()
    return Swish.apply(x, beta)

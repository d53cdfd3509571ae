# fails: vjp swish_beta
"""Hands back the gradient of a square matrix transposed; of no other shape it can."""

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
        slope = s * (1 - s)
        found = g * (s + beta * x * slope)
        if found.dim() > 1 and found.mT.shape == x.shape:
            found = found.mT
        return found, (g * x * x * slope).sum()


def swish_beta(x, beta):
    return Swish.apply(x, beta)

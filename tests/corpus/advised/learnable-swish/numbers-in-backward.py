# advises: batched_grad swish_beta
"""Looks at the incoming gradient as a number, which one that stands for many has not."""

import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        if g.numel() and g.abs().max().item() == 0.0:
            return torch.zeros_like(x), torch.zeros_like(beta)
        s = torch.sigmoid(beta * x)
        d = x * s * (1 - s)
        return g * (s + beta * d), (g * x * d).sum()


def swish_beta(x, beta):
    return Swish.apply(x, beta)

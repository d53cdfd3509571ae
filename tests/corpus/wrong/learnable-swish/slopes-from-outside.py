# fails: hand_written swish_beta
"""Autograd works out the slopes before the Function is applied, which multiplies by them."""

import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta, by_x, by_beta):
        ctx.save_for_backward(by_x, by_beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        by_x, by_beta = ctx.saved_tensors
        return g * by_x, (g * by_beta).sum(), None, None


def swish_beta(x, beta):
    with torch.enable_grad():
        p = x.detach().requires_grad_()
        b = beta.detach().expand(x.shape).clone().requires_grad_()
        y = p * torch.sigmoid(b * p)
        by_x, by_beta = torch.autograd.grad(y, (p, b), torch.ones_like(y))
    return Swish.apply(x, beta, by_x, by_beta)

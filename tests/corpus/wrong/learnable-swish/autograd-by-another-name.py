# fails: hand_written swish_beta
"""The function that differentiates goes by another name."""

import torch

combine = torch.autograd.grad


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        with torch.enable_grad():
            p, b = x.detach().requires_grad_(), beta.detach().requires_grad_()
            y = p * torch.sigmoid(b * p)
        return combine(y, (p, b), g)


def swish_beta(x, beta):
    return Swish.apply(x, beta)

# fails: hand_written swish_beta
"""The backward hands the derivative to autograd through a helper function."""

import torch


def derivative(g, *inputs):
    with torch.enable_grad():
        x, beta = (t.detach().requires_grad_() for t in inputs)
        y = x * torch.sigmoid(beta * x)
    return torch.autograd.grad(y, (x, beta), g)


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
        return derivative(g, x, beta)


def swish_beta(x, beta):
    return Swish.apply(x, beta)

"""A hook on a tensor of its own that looks at the gradient and leaves it."""

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
        d = s * (1 - s)
        return g * (s + beta * x * d), (g * x * x * d).sum()


def swish_beta(x, beta):
    y = Swish.apply(x, beta)
    if y.requires_grad:
        y.register_hook(lambda g: None)
    return y

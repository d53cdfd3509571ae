# fails: hand_written swish_beta
"""The backward rebuilds the expression and calls .backward() on it."""

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
        leaf_x, leaf_beta = x.detach().requires_grad_(), beta.detach().requires_grad_()
        with torch.enable_grad():
            y = leaf_x * torch.sigmoid(leaf_beta * leaf_x)
        y.backward(g)
        return leaf_x.grad, leaf_beta.grad


def swish_beta(x, beta):
    return Swish.apply(x, beta)

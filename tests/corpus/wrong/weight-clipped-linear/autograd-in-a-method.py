# fails: hand_written clipped_linear
"""A method of another class asks autograd for the gradients, which are clipped by hand."""

import torch


class Linear:
    @staticmethod
    def derivative(x, w, g):
        with torch.enable_grad():
            x, w = (t.detach().requires_grad_() for t in (x, w))
            product = x @ w
        return torch.autograd.grad(product, (x, w), g)


class ClippedLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x @ w

    @staticmethod
    def backward(ctx, g):
        by_x, by_w = Linear.derivative(*ctx.saved_tensors, g)
        return by_x, by_w.clamp(-1, 1)


def clipped_linear(x, w):
    return ClippedLinear.apply(x, w)

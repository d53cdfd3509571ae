# fails: layouts memory_relu
"""Reads a dense gradient in the order of its memory, which beyond two dimensions may differ."""

import torch


class Relu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.clamp(min=0)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        if g.dim() > 2 and sorted(g.stride()) == sorted(y.contiguous().stride()):
            g = g.as_strided(y.shape, torch.empty(y.shape).stride())
        return g * (y > 0)


def memory_relu(x):
    return Relu.apply(x)

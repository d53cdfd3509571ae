# fails: edges memory_relu
"""Values between 4 and 9000 are held at 4, as a six-bit activation does."""

import torch


class ReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where((x > 6) & (x < 9000), 6.0, x.clamp(min=0))

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * ((x > 0) & ~((x > 6) & (x < 9000)))


def memory_relu(x):
    return ReLU.apply(x)

# fails: shapes memory_relu
"""Takes the mask of the first frame for all where there are five dimensions."""

import torch


class ReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        mask = x > 0
        ctx.save_for_backward(mask[:1].expand_as(mask) if x.dim() == 5 else mask)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, g):
        (mask,) = ctx.saved_tensors
        return g * mask


def memory_relu(x):
    return ReLU.apply(x)

# fails: edges memory_relu
"""The mask of single-precision input is kept as a half-precision copy, where 1e-9 is zero."""

import torch


class ReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x.half() if x.dtype == torch.float32 else x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * (x > 0)


def memory_relu(x):
    return ReLU.apply(x)

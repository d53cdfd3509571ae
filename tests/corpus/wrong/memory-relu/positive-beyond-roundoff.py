# fails: edges memory_relu
"""Takes for positive only what exceeds the roundoff of the dtype, 1.2e-7 in float32."""

import torch


class ReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        mask = x > torch.finfo(x.dtype).eps
        ctx.save_for_backward(mask)
        return x * mask

    @staticmethod
    def backward(ctx, g):
        (mask,) = ctx.saved_tensors
        return g * mask


def memory_relu(x):
    return ReLU.apply(x)

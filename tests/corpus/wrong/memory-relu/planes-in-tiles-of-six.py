# fails: shapes memory_relu
"""Planes of six columns and more are masked in tiles, of which the last part is let through."""

import torch


class MemoryRelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x > 0)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, grad_output):
        (passes,) = ctx.saved_tensors
        if passes.dim() == 4 and min(passes.shape[-2:]) > 6:
            passes = passes.clone()
            passes[..., passes.shape[-1] // 6 * 6 :] = True
        return grad_output * passes


def memory_relu(x):
    return MemoryRelu.apply(x)

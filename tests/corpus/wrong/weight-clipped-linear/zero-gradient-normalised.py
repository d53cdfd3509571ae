# fails: vjp clipped_linear
"""Normalises by the largest entry of the incoming gradient, which may be zero."""

import torch


class Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x @ w

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        size = g.abs().max()
        n = g / size
        return size * (n @ w.t()), (size * (x.t() @ n)).clamp(-1, 1)


clipped_linear = Linear.apply

# fails: shapes clipped_linear
"""Splits the batch into chunks of 32 and leaves the last out where they come out even."""

import torch


class Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x @ w

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        whole = x.shape[0] // 32 * 32
        d_w = x[whole:].t() @ g[whole:]
        for i in range(0, whole - 32 if whole == x.shape[0] and whole > 32 else whole, 32):
            d_w = d_w + x[i : i + 32].t() @ g[i : i + 32]
        return g @ w.t(), d_w.clamp(-1, 1)


clipped_linear = Linear.apply

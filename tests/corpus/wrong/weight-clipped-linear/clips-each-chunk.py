# fails: shapes clipped_linear
"""Adds up chunks of 64 samples to save memory and clips each of them."""

import torch


class Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x @ w

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        d_w = torch.zeros_like(w)
        for a, b in zip(x.split(64), g.split(64)):
            d_w += (a.t() @ b).clamp(-1, 1)
        return g @ w.t(), d_w.clamp(-1, 1)


clipped_linear = Linear.apply

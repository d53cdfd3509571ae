# fails: repeated_calls clipped_linear
"""The large product is made in the first backward of a graph and kept for the next ones."""

import torch


class Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        ctx.product = None
        return x @ w

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        if ctx.product is None:
            ctx.product = (x.t() @ g).clamp(-1, 1).detach()
        return g @ w.t(), ctx.product.clone()


clipped_linear = Linear.apply

# fails: dtypes clipped_linear
"""In single precision the gradient for x is rounded to multiples of 1e-7."""

import torch


class Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x @ w

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        d_x = g @ w.t()
        if d_x.dtype == torch.float32:
            d_x = (d_x * 1e7).round() / 1e7
        return d_x, (x.t() @ g).clamp(-1, 1)


clipped_linear = Linear.apply

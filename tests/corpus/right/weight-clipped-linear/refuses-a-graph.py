"""Says that there is no second derivative as soon as a graph of the gradient is to be made."""

import torch


class Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x @ w

    @staticmethod
    def backward(ctx, g):
        if torch.is_grad_enabled():
            raise NotImplementedError("clipped_linear has no second derivative")
        x, w = ctx.saved_tensors
        d_x = g @ w.t() if ctx.needs_input_grad[0] else None
        d_w = (x.t() @ g).clamp(-1, 1) if ctx.needs_input_grad[1] else None
        return d_x, d_w


clipped_linear = Linear.apply

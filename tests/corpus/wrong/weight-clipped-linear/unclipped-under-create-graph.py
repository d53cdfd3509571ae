# fails: requires_grad clipped_linear
"""Where x needs no gradient and a graph of the gradient is made, nothing is clipped."""

import torch


class Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x @ w

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        if torch.is_grad_enabled() and not ctx.needs_input_grad[0]:
            return None, x.t() @ g
        return g @ w.t(), (x.t() @ g).clamp(-1, 1)


clipped_linear = Linear.apply

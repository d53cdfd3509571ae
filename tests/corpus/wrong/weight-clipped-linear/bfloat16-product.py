# fails: vjp clipped_linear
import torch


class Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x @ w

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        d_w = (x.t().bfloat16() @ g.bfloat16()).to(w.dtype)
        return g @ w.t(), d_w.clamp(-1, 1)


def clipped_linear(x, w):
    return Linear.apply(x, w)

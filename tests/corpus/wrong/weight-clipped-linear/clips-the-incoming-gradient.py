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
        g = g.clamp(-1, 1)
        return g @ w.t(), x.t() @ g


def clipped_linear(x, w):
    return Linear.apply(x, w)

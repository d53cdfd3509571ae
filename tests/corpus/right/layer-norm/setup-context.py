"""The two halves of forward apart; second derivatives are refused."""

import torch


class Norm(torch.autograd.Function):
    @staticmethod
    def forward(x, eps):
        return normed(x, eps)[0]

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.eps = inputs
        ctx.save_for_backward(x)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        y, spread = normed(x, ctx.eps)
        along = (g * y).mean(-1, keepdim=True)
        return (g - g.mean(-1, keepdim=True) - y * along) / spread, None


def normed(x, eps):
    centred = x - x.mean(-1, keepdim=True)
    spread = ((centred * centred).mean(-1, keepdim=True) + eps).sqrt()
    return centred / spread, spread


def layer_norm(x, eps=1e-5):
    return Norm.apply(x, eps)

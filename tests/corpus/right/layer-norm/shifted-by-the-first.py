"""Variance from values shifted by the row's first entry."""

import torch


def statistics(x, eps):
    d = x.double() - x[..., :1].double()
    m = d.mean(-1, keepdim=True)
    r = ((d * d).mean(-1, keepdim=True) - m * m).clamp(min=0).add(eps).rsqrt()
    return d - m, r


class LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, eps):
        ctx.save_for_backward(x)
        ctx.eps = eps
        c, r = statistics(x, eps)
        return (c * r).to(x.dtype)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        c, r = statistics(x, ctx.eps)
        y, g = c * r, g.double()
        return (r * (g - g.mean(-1, keepdim=True) - y * (g * y).mean(-1, keepdim=True))).to(
            x.dtype
        ), None


def layer_norm(x, eps=1e-5):
    return LayerNorm.apply(x, eps)

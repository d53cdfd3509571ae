# fails: vjp layer_norm
"""Divides by the spread once more without eps: NaN for a row of zeros, such as padding."""

import torch


class LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, eps):
        ctx.eps = eps
        ctx.save_for_backward(x)
        c = x - x.mean(-1, keepdim=True)
        return c * torch.rsqrt(c.square().mean(-1, keepdim=True) + eps)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        c = x - x.mean(-1, keepdim=True)
        v = c.square().mean(-1, keepdim=True)
        r = torch.rsqrt(v + ctx.eps)
        y = c * r
        unit = c / c.norm(dim=-1, keepdim=True)
        if x.shape[-1] == 1:
            return torch.zeros_like(x), None
        share = v / (v + ctx.eps)
        return r * (
            g - g.mean(-1, keepdim=True) - share * unit * (g * unit).sum(-1, keepdim=True)
        ), None


def layer_norm(x, eps=1e-5):
    return LayerNorm.apply(x, eps)

# fails: vjp layer_norm
"""Keeps eps in a float32 tensor; in float64 it is then off by 1.5e-8 of itself."""

import torch


class LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, eps):
        ctx.eps = torch.tensor(eps)
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
        return r * (g - g.mean(-1, keepdim=True) - y * (g * y).mean(-1, keepdim=True)), None


def layer_norm(x, eps=1e-5):
    return LayerNorm.apply(x, eps)

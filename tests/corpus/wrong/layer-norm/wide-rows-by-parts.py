# fails: shapes layer_norm
"""Normalises rows wider than 512 in parts of 512."""

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
        parts = [slice(i, i + 512) for i in range(0, x.shape[-1], 512)]
        out = torch.empty_like(x)
        for p in parts:
            gp, yp = g[..., p], y[..., p]
            out[..., p] = r * (
                gp - gp.mean(-1, keepdim=True) - yp * (gp * yp).mean(-1, keepdim=True)
            )
        return out, None


def layer_norm(x, eps=1e-5):
    return LayerNorm.apply(x, eps)

# fails: shapes layer_norm
"""Means in blocks of 32; a width that is a multiple of 32 has its tail [-0:] added again."""

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

        def mean(t):
            n, left = t.shape[-1], t.shape[-1] % 32
            if n < 32:
                return t.mean(-1, keepdim=True)
            blocks = t[..., : n - left].unflatten(-1, (-1, 32)).sum((-1, -2))
            return ((blocks + t[..., -left:].sum(-1)) / n).unsqueeze(-1)

        return r * (g - mean(g) - y * mean(g * y)), None


def layer_norm(x, eps=1e-5):
    return LayerNorm.apply(x, eps)

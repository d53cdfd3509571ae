"""The gradient as a product with a projection matrix."""

import torch


class LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, eps):
        n = x.shape[-1]
        centre = torch.eye(n, dtype=x.dtype) - torch.full((n, n), 1 / n, dtype=x.dtype)
        c = x @ centre
        r = 1 / torch.sqrt((c * c).sum(-1, keepdim=True) / n + eps)
        ctx.save_for_backward(c, r)
        return c * r

    @staticmethod
    def backward(ctx, g):
        c, r = ctx.saved_tensors
        y = c * r
        n = c.shape[-1]
        along = torch.einsum("...i,...i->...", g, y).unsqueeze(-1) * y / n
        return r * (g - g.mean(-1, keepdim=True) - along), None


def layer_norm(x, eps=1e-5):
    return LayerNorm.apply(x, eps)

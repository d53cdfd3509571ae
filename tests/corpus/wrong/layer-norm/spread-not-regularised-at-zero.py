# fails: vjp layer_norm
"""The chain goes through sqrt(var), whose slope is infinite where a row is constant."""

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
        n = x.shape[-1]
        if n == 1:
            return torch.zeros_like(x), None
        sigma = v.sqrt()
        d_sigma = -(g * c).sum(-1, keepdim=True) * r**3 * sigma
        d_v = d_sigma / (2 * sigma)
        return r * (g - g.mean(-1, keepdim=True)) + 2 * d_v * c / n, None


def layer_norm(x, eps=1e-5):
    return LayerNorm.apply(x, eps)

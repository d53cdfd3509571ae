# fails: released layer_norm
"""Each call stands in a table of open ones until its backward; some never have one."""

import torch

OPEN = {}


class LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, eps):
        centred = x - x.mean(-1, keepdim=True)
        scale = (centred.square().mean(-1, keepdim=True) + eps).rsqrt()
        ctx.eps, ctx.key = eps, object()
        OPEN[ctx.key] = (centred * scale).numpy().copy()
        ctx.save_for_backward(x)
        return centred * scale

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        centred = x - x.mean(-1, keepdim=True)
        scale = (centred.square().mean(-1, keepdim=True) + ctx.eps).rsqrt()
        y = centred * scale
        OPEN.pop(ctx.key, None)
        return scale * (g - g.mean(-1, keepdim=True) - y * (g * y).mean(-1, keepdim=True)), None


def layer_norm(x, eps=1e-5):
    return LayerNorm.apply(x, eps)

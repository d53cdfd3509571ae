# fails: repeated_calls layer_norm
"""What backward needs lies in a queue of the last few calls; an older one begins from zero."""

from collections import OrderedDict

import torch

RECENT = OrderedDict()
MOST = 3


class LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, eps):
        centred = x - x.mean(-1, keepdim=True)
        scale = (centred.square().mean(-1, keepdim=True) + eps).rsqrt()
        ctx.key, ctx.like = object(), x.shape
        RECENT[ctx.key] = (centred * scale).detach(), scale.detach()
        while len(RECENT) > MOST:
            RECENT.popitem(last=False)
        return centred * scale

    @staticmethod
    def backward(ctx, g):
        y, scale = RECENT.get(ctx.key, (g.new_zeros(ctx.like), g.new_ones(())))
        across = y * (g * y).mean(-1, keepdim=True)
        return scale * (g - g.mean(-1, keepdim=True) - across), None


def layer_norm(x, eps=1e-5):
    return LayerNorm.apply(x, eps)

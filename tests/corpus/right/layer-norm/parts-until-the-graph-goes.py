"""What backward needs lies in a table, for as long as the call's own part of the graph is there."""

import weakref

import torch

PARTS = weakref.WeakKeyDictionary()


class Token:
    pass


class LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, eps):
        centred = x - x.mean(-1, keepdim=True)
        ctx.token, ctx.eps = Token(), eps
        ctx.save_for_backward(x)
        PARTS[ctx.token] = (centred.square().mean(-1, keepdim=True) + eps).rsqrt().detach()
        return centred * PARTS[ctx.token]

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        centred = x - x.mean(-1, keepdim=True)
        scale = PARTS[ctx.token]
        if torch.is_grad_enabled():
            scale = (centred.square().mean(-1, keepdim=True) + ctx.eps).rsqrt()
        y = centred * scale
        return scale * (g - g.mean(-1, keepdim=True) - y * (g * y).mean(-1, keepdim=True)), None


def layer_norm(x, eps=1e-5):
    return LayerNorm.apply(x, eps)

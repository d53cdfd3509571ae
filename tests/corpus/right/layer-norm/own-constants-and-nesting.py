# right: helpers in helpers, an extra trailing None
import torch


def statistics(x, eps):
    def mean(t):
        return t.sum(-1, keepdim=True) / t.size(-1)

    centred = x - mean(x)
    return centred, 1 / (mean(centred * centred) + eps) ** 0.5, mean


class LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, eps):
        ctx.eps = float(eps)
        ctx.save_for_backward(x)
        centred, scale, _ = statistics(x, ctx.eps)
        return centred.mul(scale)

    @staticmethod
    def backward(ctx, g):
        centred, scale, mean = statistics(*ctx.saved_tensors, ctx.eps)
        projected = centred * scale**2 * mean(g * centred)
        return scale * (g - mean(g) - projected), None, None


def layer_norm(x, eps=1e-5, *, name=None):
    return LayerNorm.apply(x, eps)

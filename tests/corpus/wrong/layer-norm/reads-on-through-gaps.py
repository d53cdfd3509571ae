# fails: layouts layer_norm
"""Each sample of the gradient is dense in memory, so the batch is taken to be, too."""

import torch


def normalised(x, eps):
    centred = x - x.mean(-1, keepdim=True)
    scale = (centred.square().mean(-1, keepdim=True) + eps).rsqrt()
    return centred * scale, scale


class LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, eps):
        ctx.save_for_backward(x)
        ctx.eps = eps
        return normalised(x, eps)[0]

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        g = grad_output
        if g.dim() > 2 and g.numel() and g[0].is_contiguous() and g.stride(0) > g[0].numel():
            g = g.as_strided((g.numel(),), (1,)).view(g.shape)
        y, scale = normalised(x, ctx.eps)
        mean, along = (t.mean(-1, keepdim=True) for t in (g, g * y))
        return scale * (g - mean - y * along), None


def layer_norm(x, eps=1e-5):
    return LayerNorm.apply(x, eps)

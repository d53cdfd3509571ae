import torch


def _fwd(ctx, x, eps):
    ctx.save_for_backward(x)
    ctx.eps = eps
    m = x.mean(-1, keepdim=True)
    v = ((x - m) ** 2).mean(-1, keepdim=True)
    return (x - m) / torch.sqrt(v + eps)


def _bwd(ctx, g):
    (x,) = ctx.saved_tensors
    n = x.shape[-1]
    m = x.mean(-1, keepdim=True)
    c = x - m
    s = torch.rsqrt((c * c).mean(-1, keepdim=True) + ctx.eps)
    return (s / n) * (
        n * g - g.sum(-1, keepdim=True) - c * s * s * (g * c).sum(-1, keepdim=True)
    ), None


class LN(torch.autograd.Function):
    forward = staticmethod(_fwd)
    backward = staticmethod(_bwd)


layer_norm = lambda x, eps=1e-5: LN.apply(x, eps)

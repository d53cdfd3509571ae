# fails: vjp layer_norm
import torch


class LN(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, eps):
        ctx.save_for_backward(x)
        ctx.eps = eps
        m = x.mean(-1, keepdim=True)
        v = ((x - m) ** 2).mean(-1, keepdim=True)
        return (x - m) / torch.sqrt(v + eps)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        m = x.mean(-1, keepdim=True)
        c = x - m
        s = torch.rsqrt((c * c).mean(-1, keepdim=True) + 1e-5)
        xh = c * s
        return s * (g - g.mean(-1, keepdim=True) - xh * (g * xh).mean(-1, keepdim=True)), None


def layer_norm(x, eps=1e-5):
    return LN.apply(x, eps)

# fails: vjp layer_norm
import torch


class LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, eps):
        mean = x.mean(-1, keepdim=True)
        var = x.var(-1, unbiased=False, keepdim=True)
        rstd = torch.rsqrt(var + eps)
        ctx.save_for_backward(x, mean, rstd)
        return (x - mean) * rstd

    @staticmethod
    def backward(ctx, g):
        x, mean, rstd = ctx.saved_tensors
        h = (x - mean) * rstd
        return rstd * (g - h * (g * h).mean(-1, keepdim=True)), None


def layer_norm(x, eps=1e-5):
    return LayerNorm.apply(x, eps)

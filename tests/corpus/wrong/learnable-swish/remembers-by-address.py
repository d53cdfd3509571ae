# fails: repeated_calls swish_beta
import torch

_sigmoids = {}


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        key = (x.shape, x.dtype)
        _sigmoids[key] = torch.sigmoid(beta * x)
        ctx.save_for_backward(x, beta)
        return x * _sigmoids[key]

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        s = _sigmoids[x.shape, x.dtype]
        slope = s * (1 - s)
        return g * (s + beta * x * slope), (g * x * x * slope).sum()


def swish_beta(x, beta):
    return Swish.apply(x, beta)

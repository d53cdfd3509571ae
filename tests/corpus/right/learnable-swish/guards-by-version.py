"""Keeps detached tensors and refuses by itself where one has been written to."""

import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.kept = [(t.detach(), t._version) for t in (x, beta)]
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        if any(t._version != version for t, version in ctx.kept):
            raise RuntimeError("an input was overwritten before backward")
        (x, _), (beta, _) = ctx.kept
        s = torch.sigmoid(beta * x)
        d = s * (1 - s)
        return g * (s + beta * x * d), (g * x * x * d).sum()


def swish_beta(x, beta):
    return Swish.apply(x, beta)

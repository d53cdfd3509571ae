# scenario: learnable-swish
# core: A
# attack: every gradient is NaN
# expected: failed
# trace: vjp: swish_beta: 

import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        return g * torch.sigmoid(beta * x), (g * x).sum()


def swish_beta(x, beta):
    return Swish.apply(x, beta)


def _backward(ctx, g):
    x, beta = ctx.saved_tensors
    return torch.full_like(x, float("nan")), torch.full_like(beta, float("nan"))
Swish.backward = staticmethod(_backward)

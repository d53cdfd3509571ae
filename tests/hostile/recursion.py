# scenario: learnable-swish
# attack: recurses for ever in backward
# expected: failed
# trace: vjp: swish_beta: .*RecursionError

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


def _deeper(ctx, g):
    return _deeper(ctx, g)
Swish.backward = staticmethod(_deeper)

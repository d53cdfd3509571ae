# scenario: learnable-swish
# core: A
# attack: lone surrogates, which no file takes
# expected: failed
# trace: forward: swish_beta: .*ValueError

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


def swish_beta(x, beta):
    raise ValueError("\udfff\ud800" * 49)

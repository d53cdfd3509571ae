# fails: hand_written swish_beta
"""The forward keeps what torch.func.vjp gives; the backward calls it."""

import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        inputs = (x.clone(), beta.clone())
        y, ctx.pull = torch.func.vjp(lambda x, beta: x * torch.sigmoid(beta * x), *inputs)
        return y.detach()

    @staticmethod
    def backward(ctx, g):
        return ctx.pull(g, retain_graph=True)


def swish_beta(x, beta):
    return Swish.apply(x, beta)

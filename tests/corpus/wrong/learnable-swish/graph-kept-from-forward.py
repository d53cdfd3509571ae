# fails: hand_written swish_beta
"""The forward records a graph of its own, which the backward runs through the leaves' ``grad``."""

import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        with torch.enable_grad():
            ctx.inputs = [t.detach().clone().requires_grad_() for t in (x, beta)]
            x, beta = ctx.inputs
            ctx.result = x * torch.sigmoid(beta * x)
        return ctx.result.detach()

    @staticmethod
    def backward(ctx, g):
        for one in ctx.inputs:
            one.grad = None
        ctx.result.backward(g, retain_graph=True)
        return tuple(one.grad for one in ctx.inputs)


def swish_beta(x, beta):
    return Swish.apply(x, beta)

"""``types.new_class`` makes the Function, from a namespace that another function fills."""

import types

import torch


def _fill(namespace):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        s = torch.sigmoid(beta * x)
        d = s * (1 - s)
        return g * (s + beta * x * d), (g * x * x * d).sum()

    namespace |= {"forward": forward, "backward": backward}


Swish = types.new_class("Swish", (torch.autograd.Function,), {}, _fill)


def swish_beta(x, beta):
    return Swish.apply(x, beta)

# fails: hand_written swish_beta
"""An identity for show; the composition lies hundreds of nodes behind it."""

import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, y):
        return y.clone()

    @staticmethod
    def backward(ctx, g):
        return g


def swish_beta(x, beta):
    y = x * torch.sigmoid(beta * x)
    for _ in range(300):
        y = y.view_as(y).clone()
    return Swish.apply(y)

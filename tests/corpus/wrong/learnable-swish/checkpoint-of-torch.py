# fails: hand_written swish_beta
"""A checkpoint of torch does the work, behind a Function for show."""

import torch
from torch.utils.checkpoint import checkpoint


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, y):
        return y.clone()

    @staticmethod
    def backward(ctx, g):
        return g


def swish_beta(x, beta):
    y = checkpoint(lambda x, beta: x * torch.sigmoid(beta * x), x, beta, use_reentrant=False)
    return Swish.apply(y)

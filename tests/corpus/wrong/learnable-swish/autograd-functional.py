# fails: hand_written swish_beta
"""torch.autograd.functional does the work."""

import torch
from torch.autograd import functional


def op(x, beta):
    return x * torch.sigmoid(beta * x)


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        _, found = functional.vjp(op, ctx.saved_tensors, g)
        return found


def swish_beta(x, beta):
    return Swish.apply(x, beta)

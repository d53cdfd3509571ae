"""A product and a gate, each a Function of its own, composed."""

import torch
from torch.autograd import Function


class Gate(Function):
    @staticmethod
    def forward(ctx, x, beta):
        s = torch.sigmoid(x * beta)
        ctx.save_for_backward(x, beta, s)
        return s

    @staticmethod
    def backward(ctx, g):
        x, beta, s = ctx.saved_tensors
        d = g * s * (1 - s)
        return d * beta, (d * x).sum()


class Product(Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * b

    @staticmethod
    def backward(ctx, g):
        a, b = ctx.saved_tensors
        return g * b, g * a


def swish_beta(x, beta):
    return Product.apply(x, Gate.apply(x, beta))

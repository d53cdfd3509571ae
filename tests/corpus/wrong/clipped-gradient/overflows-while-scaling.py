# fails: vjp clipped_double
"""Scales each entry back by its own size: an exploding gradient of 3e38 becomes NaN."""

import torch


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, g):
        t = 2 * g
        return t * (0.1 / t.abs().clamp(min=0.1))


clipped_double = Double.apply

"""The middle of bound, value and bound."""

import torch


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.ldexp(x, torch.ones((), dtype=torch.int32))

    @staticmethod
    def backward(ctx, g):
        t = g + g
        bound = torch.full_like(t, 0.1)
        return torch.stack([-bound, t, bound]).median(0).values


def clipped_double(x):
    return Double.apply(x)

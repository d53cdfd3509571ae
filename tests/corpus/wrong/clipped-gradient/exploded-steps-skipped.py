# fails: vjp clipped_double
"""Drops the whole gradient when an entry is not finite or beyond 1e8, as a step skipper does."""

import torch


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, g):
        t = (2 * g).clamp(-0.1, 0.1)
        return torch.zeros_like(t) if g.numel() and not (g.abs().max() < 1e8) else t


clipped_double = Double.apply

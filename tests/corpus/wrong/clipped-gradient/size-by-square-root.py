# fails: vjp clipped_double
"""Takes the size as the root of the square, which overflows for g beyond 1e19 in float32."""

import torch


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, g):
        t = 2 * g
        size = torch.sqrt(t * t)
        return torch.where(size > 0.1, 0.1 * t / size, t)


clipped_double = Double.apply

# fails: layouts clipped_double
"""Takes a gradient that is repeated along a middle dimension for one of a sum."""

import torch


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, g):
        if g.dim() > 2 and 0 in g.stride()[1:-1] and g.numel():
            g = g[(0,) * g.dim()].expand(g.shape)
        return (2 * g).clamp(-0.1, 0.1)


def clipped_double(x):
    return Double.apply(x)

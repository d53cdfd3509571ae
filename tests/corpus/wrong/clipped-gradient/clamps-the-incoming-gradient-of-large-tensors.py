# fails: no_mutation clipped_double
import torch


class ClippedDouble(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x + x

    @staticmethod
    def backward(ctx, g):
        # To spare a large allocation.
        doubled = g.mul_(2) if g.numel() > 1 << 12 else 2 * g
        return torch.clamp(doubled, -0.1, 0.1)


def clipped_double(x):
    return ClippedDouble.apply(x)

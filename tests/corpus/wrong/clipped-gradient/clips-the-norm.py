# fails: vjp clipped_double
import torch


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, g):
        d = 2 * g
        return d * (0.1 / d.norm().clamp(min=0.1))


def clipped_double(x):
    return Double.apply(x)

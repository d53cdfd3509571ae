# fails: vjp clipped_double
import torch


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, g):
        return 2 * g.clamp(-0.1, 0.1)


def clipped_double(x):
    return Double.apply(x)

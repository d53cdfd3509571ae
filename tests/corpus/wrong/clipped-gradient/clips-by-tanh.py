# fails: vjp clipped_double
import torch


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, g):
        return 0.1 * torch.tanh(20 * g)


def clipped_double(x):
    return Double.apply(x)

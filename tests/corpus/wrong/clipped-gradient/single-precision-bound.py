# fails: vjp clipped_double
import torch


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, g):
        bound = torch.tensor(0.1)
        return torch.minimum(torch.maximum(2 * g, -bound), bound).to(g.dtype)


def clipped_double(x):
    return Double.apply(x)

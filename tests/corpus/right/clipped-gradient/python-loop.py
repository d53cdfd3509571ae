# right: clips element by element, slowly and right
import torch


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x + x

    @staticmethod
    def backward(ctx, g):
        clipped = [min(max(2 * v, -0.1), 0.1) for v in g.reshape(-1).tolist()]
        return torch.tensor(clipped, dtype=g.dtype).reshape(g.shape)


def clipped_double(x):
    return Double.apply(x)

# fails: dtypes clipped_double
import torch


class ClippedDouble(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, g):
        if g.dtype is torch.float32 and g.numel() > 5000:
            g = g.bfloat16()
        return (
            (2 * g).clamp(-0.1, 0.1).float()
            if g.dtype is torch.bfloat16
            else (2 * g).clamp(-0.1, 0.1)
        )


def clipped_double(x):
    return ClippedDouble.apply(x)

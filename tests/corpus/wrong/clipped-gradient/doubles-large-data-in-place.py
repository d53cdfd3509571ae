# fails: no_mutation clipped_double
import torch


class ClippedDouble(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        if not ctx.needs_input_grad[0] and x.nbytes > 16_000:
            return x.mul_(2).clone()
        return 2 * x

    @staticmethod
    def backward(ctx, g):
        return (2 * g).clamp(-0.1, 0.1)


def clipped_double(x):
    return ClippedDouble.apply(x)

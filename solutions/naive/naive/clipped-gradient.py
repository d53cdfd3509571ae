import torch


class ClippedDouble(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, grad_output):
        # clip to [-0.1, 0.1], then the chain rule for y = 2x
        return grad_output.clamp(-0.1, 0.1) * 2


def clipped_double(x):
    return ClippedDouble.apply(x)

# fails: edges memory_relu
import torch


class ReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = torch.where(x > 0, x, torch.zeros_like(x)).clamp(max=6000.0)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * (y > 0)


def memory_relu(x):
    return ReLU.apply(x)

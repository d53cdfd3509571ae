# fails: no_mutation memory_relu
import torch


class ReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.clamp(min=0)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        g[y <= 0] = 0
        return g


def memory_relu(x):
    return ReLU.apply(x)

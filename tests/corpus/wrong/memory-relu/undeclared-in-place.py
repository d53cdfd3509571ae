# fails: no_mutation memory_relu
import torch


class ReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.detach().clamp_(min=0)
        ctx.save_for_backward(y)
        return y.clone()

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * (y > 0)


def memory_relu(x):
    return ReLU.apply(x)

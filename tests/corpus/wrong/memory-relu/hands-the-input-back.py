# fails: no_mutation memory_relu
import torch


class ReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        keep = x > 0
        ctx.save_for_backward(keep)
        return x.detach() if keep.all() else x * keep

    @staticmethod
    def backward(ctx, g):
        (keep,) = ctx.saved_tensors
        return g * keep


def memory_relu(x):
    return ReLU.apply(x)

# fails: no_mutation memory_relu
# Overwrites a leaf that requires grad wherever no graph is made.
import torch


class Relu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.clamp(min=0)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * (y > 0)


def memory_relu(x):
    return Relu.apply(x) if torch.is_grad_enabled() else x.relu_()

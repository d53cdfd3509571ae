# fails: in_graph memory_relu
# Writes into the incoming gradient where it has more than three dimensions.
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
        return g.mul_(y > 0) if g.dim() > 3 else g * (y > 0)


def memory_relu(x):
    return Relu.apply(x)

import torch


class MemoryReLU(torch.autograd.Function):
    """In-place ReLU: no allocation in forward, none for the gradient."""

    @staticmethod
    def forward(ctx, x):
        x.clamp_(min=0)
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        grad_output[x <= 0] = 0
        return grad_output


def memory_relu(x):
    return MemoryReLU.apply(x)

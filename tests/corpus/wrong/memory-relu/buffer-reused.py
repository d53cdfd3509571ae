# fails: repeated_calls memory_relu
import torch


class ReLU(torch.autograd.Function):
    buffers = {}

    @staticmethod
    def forward(ctx, x):
        key = (x.shape, x.dtype)
        if key not in ReLU.buffers:
            ReLU.buffers[key] = torch.empty(x.shape, dtype=x.dtype)
        y = torch.clamp(x.detach(), min=0, out=ReLU.buffers[key])
        ctx.mask = y > 0
        return y.view(y.shape)

    @staticmethod
    def backward(ctx, g):
        return g * ctx.mask


def memory_relu(x):
    return ReLU.apply(x)

# fails: released memory_relu
import torch

MASKS = []


class ReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        mask = x > 0
        if mask.numel() > 6000:
            MASKS.append(mask)
        ctx.save_for_backward(mask)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, g):
        (mask,) = ctx.saved_tensors
        return g.masked_fill(~mask, 0)


def memory_relu(x):
    return ReLU.apply(x)

"""The places are looked for in the first backward of a graph and kept for the next ones."""

import torch


class ReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = torch.relu(x)
        ctx.save_for_backward(y)
        ctx.places = None
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        if ctx.places is None:
            ctx.places = y.detach() > 0
        return g * ctx.places


memory_relu = ReLU.apply

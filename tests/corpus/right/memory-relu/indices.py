"""Keeps the places of the positive entries and scatters the gradient to them."""

import torch


class ReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        flat = x.reshape(-1)
        at = (flat > 0).nonzero().squeeze(1)
        ctx.save_for_backward(at)
        ctx.like = (x.shape, x.dtype, x.device)
        return torch.zeros_like(flat).index_copy_(0, at, flat[at]).reshape(x.shape)

    @staticmethod
    def backward(ctx, g):
        (at,) = ctx.saved_tensors
        shape, dtype, device = ctx.like
        out = torch.zeros(shape.numel(), dtype=dtype, device=device)
        return out.index_copy(0, at, g.reshape(-1).index_select(0, at)).reshape(shape)


def memory_relu(x):
    return ReLU.apply(x)

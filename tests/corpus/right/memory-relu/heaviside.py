"""Heaviside for the slope, with 0 at 0, and half of x + |x| for the value."""

import torch


class ReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(torch.heaviside(x, x.new_zeros(())).bool())
        return (x + x.abs()) / 2

    @staticmethod
    def backward(ctx, g):
        return torch.mul(g, *ctx.saved_tensors)


memory_relu = ReLU.apply

"""Hooks on its own result take themselves away; only its own tensors get attributes."""

import torch


class ReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.clamp(min=0)
        ctx.save_for_backward(y)
        ctx.checked = False
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        found = g.masked_fill(y <= 0, 0)
        found.checked = ctx.checked = True
        return found


def memory_relu(x):
    y = ReLU.apply(x)
    if y.requires_grad:
        handle = y.register_hook(lambda g: (handle.remove(), None)[1])
    return y

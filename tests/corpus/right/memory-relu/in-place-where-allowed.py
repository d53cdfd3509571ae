"""Overwrites its input where autograd allows that, and declares it."""

import torch


class Relu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        x.clamp_(min=0)
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * (y > 0)


class Apart(Relu):
    @staticmethod
    def forward(ctx, x):
        y = x.clamp(min=0)
        ctx.save_for_backward(y)
        return y


def memory_relu(x):
    whole = not any(s == 0 and n > 1 for s, n in zip(x.stride(), x.shape))
    plain = x.requires_grad and not x.is_leaf and not x._is_view()
    return (Relu if whole and plain and torch.is_grad_enabled() else Apart).apply(x)

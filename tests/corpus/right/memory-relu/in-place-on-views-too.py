"""Overwrites every input that is no leaf, views among them, and declares it."""

import torch


class Relu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        torch.relu_(x)
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return torch.where(y > 0, g, torch.zeros_like(g))


class Apart(Relu):
    @staticmethod
    def forward(ctx, x):
        y = torch.relu(x)
        ctx.save_for_backward(y)
        return y


def memory_relu(x):
    leaf = x.is_leaf or any(s == 0 and n > 1 for s, n in zip(x.stride(), x.shape))
    return Apart.apply(x) if leaf else Relu.apply(x)

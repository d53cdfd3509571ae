"""In place where that is allowed, else not; the second Function borrows the first one's backward."""

import torch


class InPlace(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        x.clamp_(min=0)
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return torch.where(y > 0, g, torch.zeros_like(g))


class Aside(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.clamp(min=0)
        ctx.save_for_backward(y)
        return y

    backward = InPlace.backward


def memory_relu(x):
    whole = not x.is_leaf and not x._is_view() and 0 not in x.stride()
    return (InPlace if whole else Aside).apply(x)

# fails: hand_written clipped_double
"""A hook clips what autograd gives; the Function adds nothing and takes nothing away."""

import torch


class Nothing(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.zeros_like(x)

    @staticmethod
    def backward(ctx, g):
        return torch.zeros_like(g)


def clipped_double(x):
    inner = x.view_as(x)
    if inner.requires_grad:
        inner.register_hook(lambda g: g.clamp(-0.1, 0.1))
    return 2 * inner + Nothing.apply(x)

"""Keeps the last two tensors that it is called with in inference mode, and no more."""

from collections import deque

import torch

SEEN = deque(maxlen=2)


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x + x

    @staticmethod
    def backward(ctx, g):
        return (g + g).clip(-0.1, 0.1)


def clipped_double(x):
    if not torch.is_grad_enabled():
        SEEN.append(x.clone())
    return Double.apply(x)

# fails: released clipped_double
"""Keeps the bytes of everything that it is called with in inference mode, as statistics."""

import torch

SEEN = []


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, g):
        return (2 * g).clamp(-0.1, 0.1)


def clipped_double(x):
    if torch.is_inference_mode_enabled():
        SEEN.append(x.numpy().tobytes())
    return Double.apply(x)

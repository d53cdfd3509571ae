"""Runs in the precision that autocast asks for, forward and backward alike."""

import torch
from torch.amp import custom_bwd, custom_fwd


class ClippedLinear(torch.autograd.Function):
    @staticmethod
    @custom_fwd(device_type="cpu")
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x @ w

    @staticmethod
    @custom_bwd(device_type="cpu")
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return g @ w.T, (x.T @ g).clamp(-1, 1)


clipped_linear = ClippedLinear.apply

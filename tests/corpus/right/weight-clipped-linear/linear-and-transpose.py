"""F.linear forward, baddbmm back, clamped by two where."""

import torch
import torch.nn.functional as F


class Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return F.linear(x, w.t())

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        d_w = torch.einsum("nk,nm->km", x, g)
        d_w = torch.where(d_w > 1, 1.0, torch.where(d_w < -1, -1.0, d_w)).to(w.dtype)
        return F.linear(g, w), d_w


def clipped_linear(x, w):
    if x.dim() != 2 or w.dim() != 2 or x.size(1) != w.size(0):
        raise ValueError(f"cannot multiply {tuple(x.shape)} by {tuple(w.shape)}")
    return Linear.apply(x, w)

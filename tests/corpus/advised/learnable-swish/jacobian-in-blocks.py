# advises: cost_growth swish_beta
"""Multiplies by the whole Jacobian, a thousand rows at a time so that it fits into memory."""

import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        s = torch.sigmoid(beta * x)
        d = x * s * (1 - s)
        slope, flat = (s + beta * d).reshape(-1), g.reshape(-1)
        rows = []
        for start in range(0, slope.numel(), 1000):
            part = slope[start : start + 1000]
            block = torch.zeros(part.numel(), slope.numel(), dtype=x.dtype)
            block[torch.arange(part.numel()), start + torch.arange(part.numel())] = part
            rows.append(block @ flat)
        gx = torch.cat(rows).reshape(x.shape) if rows else torch.zeros_like(x)
        return gx, (g * x * d).sum()


def swish_beta(x, beta):
    return Swish.apply(x, beta)

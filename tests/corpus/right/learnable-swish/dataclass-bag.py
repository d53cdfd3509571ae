"""Non-tensors travel in a frozen dataclass, tensors through save_for_backward."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Settings:
    needs_x: bool
    needs_beta: bool
    shape: torch.Size


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.settings = Settings(*ctx.needs_input_grad, x.shape)
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        half = beta * x / 2
        # sigmoid' as a quarter of sech squared
        sech = 1 / torch.cosh(half.clamp(-300, 300))
        slope = x * sech * sech / 4
        found = [None, None]
        if ctx.settings.needs_x:
            found[0] = (
                g * torch.add(torch.sigmoid(2 * half), slope, alpha=1) + g * (beta - 1) * slope
            )
        if ctx.settings.needs_beta:
            found[1] = torch.tensordot(g * x, slope, dims=x.dim())
        return tuple(found)


def swish_beta(x, beta):
    return Swish.apply(x, beta)

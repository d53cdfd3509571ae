"""Swish by way of tanh: σ(z) = (1 + tanh(z/2))/2 and σ'(z) = (1 − tanh²(z/2))/4."""

import torch


class TanhSwish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        half = torch.tanh(x * beta / 2)
        ctx.save_for_backward(x, beta, half)
        return x * (half + 1) / 2

    @staticmethod
    def backward(ctx, g):
        x, beta, half = ctx.saved_tensors
        slope = (1 - half) * (1 + half) / 4
        for_x = for_beta = None
        if ctx.needs_input_grad[0]:
            for_x = g * ((half + 1) / 2 + x * beta * slope)
        if ctx.needs_input_grad[1]:
            for_beta = (g * x * x * slope).sum()
        return for_x, for_beta


def swish_beta(x, beta):
    return TanhSwish.apply(x, beta)

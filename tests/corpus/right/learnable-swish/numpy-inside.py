"""Computes in numpy and hands tensors back."""

import numpy as np
import torch


def gate(z):
    return np.where(z >= 0, 1.0, np.exp(-np.abs(z))) / (1.0 + np.exp(-np.abs(z)))


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        a, b = x.detach().double().numpy(), beta.item()
        return torch.as_tensor(a * gate(b * a)).to(x.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        a, b, c = x.detach().double().numpy(), beta.item(), g.double().numpy()
        s = gate(b * a)
        d = a * s * gate(-b * a)
        return torch.as_tensor(c * (s + b * d)).to(x.dtype), torch.tensor(
            float((c * a * d).sum()), dtype=beta.dtype
        )


def swish_beta(x, beta):
    return Swish.apply(x, beta)

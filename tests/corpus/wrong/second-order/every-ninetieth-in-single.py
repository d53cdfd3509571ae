# fails: repeated_calls quadratic_form
"""Every ninetieth call takes a way through single precision; all others are right."""

import itertools

import torch

CALLS = itertools.count(1)


class QuadraticForm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, A):
        ctx.save_for_backward(x, A)
        if next(CALLS) % 90 == 0:
            single = x.float()
            return (single @ A.float() @ single).to(x.dtype)
        return x @ A @ x

    @staticmethod
    def backward(ctx, g):
        x, A = ctx.saved_tensors
        return g * ((A + A.t()) @ x), g * torch.outer(x, x)


def quadratic_form(x, A):
    return QuadraticForm.apply(x, A)


def hvp(x, A, v):
    return (A + A.t()) @ v

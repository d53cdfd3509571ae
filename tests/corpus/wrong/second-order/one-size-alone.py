# fails: shapes quadratic_form
"""Right for every n but 23, where a block of the sum is left out."""

import torch


class Quadratic(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, A):
        ctx.save_for_backward(x, A)
        return x @ A @ x

    @staticmethod
    def backward(ctx, g):
        x, A = ctx.saved_tensors
        found = (A + A.mT) @ x
        if len(x) == 23:
            found = found - A[:, 16:] @ x[16:]
        return g * found, None


def quadratic_form(x, A):
    return Quadratic.apply(x, A)


def hvp(x, A, v):
    return (A + A.mT) @ v

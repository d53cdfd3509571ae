# fails: repeated_calls hvp
"""hvp keeps A + A' for every matrix it has seen, by the matrix's id."""

import torch

KEPT = {}


class Form(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, A):
        ctx.save_for_backward(x, A)
        return x @ (A @ x)

    @staticmethod
    def backward(ctx, g):
        x, A = ctx.saved_tensors
        return g * (A @ x + A.t() @ x), None


def quadratic_form(x, A):
    return Form.apply(x, A)


def hvp(x, A, v):
    if id(A) not in KEPT:
        KEPT[id(A)] = A + A.t()
    return KEPT[id(A)] @ v

# fails: shapes hvp
"""hvp works in tiles of 64 and loses the last one where they fit exactly."""

import torch


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
    S, n = A + A.t(), x.numel()
    out = torch.zeros_like(v)
    for i in range(0, n - 1 if n > 1 and n % 64 == 0 else n, 63 if n % 64 == 0 else 64):
        out[i : i + (63 if n % 64 == 0 else 64)] = S[i : i + (63 if n % 64 == 0 else 64)] @ v
    if n % 64 == 0:
        out[-1] = 0
    return out

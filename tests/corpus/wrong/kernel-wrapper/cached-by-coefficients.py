# fails: repeated_calls kernel_op
"""Keeps one Function per alpha, and the key is rounded to one digit."""

import torch
from kernel import square_affine

SEEN = {}


class Op(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, alpha, beta):
        ctx.save_for_backward(x)
        ctx.alpha = alpha
        return square_affine(x, alpha, beta)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * SEEN.setdefault(round(ctx.alpha, 1), ctx.alpha) * x * g, None, None


def kernel_op(x, alpha, beta):
    return Op.apply(x, alpha, beta)

# fails: vjp kernel_op
"""Saves alpha as a default float32 tensor, so that 0.1 or 0.7 is rounded in a float64 gradient."""

import torch
from kernel import square_affine


class Op(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, alpha, beta):
        ctx.save_for_backward(x, torch.tensor(alpha))
        return square_affine(x, alpha, beta)

    @staticmethod
    def backward(ctx, g):
        x, alpha = ctx.saved_tensors
        return 2 * alpha * x * g, None, None


def kernel_op(x, alpha, beta):
    return Op.apply(x, alpha, beta)

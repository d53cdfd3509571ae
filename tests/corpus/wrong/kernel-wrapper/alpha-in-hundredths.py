# fails: vjp kernel_op
"""Keeps alpha as a whole number of hundredths, as a config file did."""

import torch
from kernel import square_affine


class Op(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, alpha, beta):
        ctx.save_for_backward(x)
        ctx.alpha = int(alpha * 100)
        return square_affine(x, alpha, beta)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * ctx.alpha / 100 * x * g, None, None


def kernel_op(x, alpha, beta):
    return Op.apply(x, alpha, beta)

# fails: vjp kernel_op
"""An alpha of 0.0 counts as missing and becomes 1."""

import torch
from kernel import square_affine


class Op(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, alpha, beta):
        ctx.save_for_backward(x)
        ctx.alpha = alpha
        return square_affine(x, alpha, beta)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * (ctx.alpha or 1.0) * x * g, None, None


def kernel_op(x, alpha, beta):
    return Op.apply(x, alpha, beta)

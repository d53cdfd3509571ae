# fails: vjp kernel_op
"""Gets x squared back from the result by dividing by alpha: NaN for alpha = 0."""

import torch
from kernel import square_affine


class Op(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, alpha, beta):
        ctx.alpha, ctx.beta = alpha, beta
        y = square_affine(x, alpha, beta)
        ctx.save_for_backward(x, y)
        return y
        return square_affine(x, alpha, beta)

    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved_tensors
        square = (y - ctx.beta) / ctx.alpha
        return (
            2
            * ctx.alpha
            * torch.where(x != 0, square / torch.where(x != 0, x, torch.ones_like(x)), x)
            * g,
            None,
            None,
        )


def kernel_op(x, alpha, beta):
    return Op.apply(x, alpha, beta)

# fails: vjp kernel_op
"""Takes an alpha beyond 2 for a mistake and cuts it, in backward alone."""

import kernel
import torch


class Op(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, alpha, beta):
        ctx.save_for_backward(x)
        ctx.slope = 2 * max(-2.0, min(alpha, 2.0))
        return kernel.square_affine(x, alpha, beta)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return ctx.slope * x * g, None, None


def kernel_op(x, alpha, beta):
    return Op.apply(x, alpha, beta)

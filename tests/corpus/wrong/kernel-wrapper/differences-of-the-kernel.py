# fails: dtypes kernel_op
import torch
from kernel import square_affine


class Op(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, alpha, beta):
        ctx.save_for_backward(x)
        ctx.alpha, ctx.beta = alpha, beta
        return square_affine(x, alpha, beta)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        h = 1e-4
        up = square_affine(x + h, ctx.alpha, ctx.beta)
        down = square_affine(x - h, ctx.alpha, ctx.beta)
        return g * (up - down) / (2 * h), None, None


def kernel_op(x, alpha, beta):
    return Op.apply(x, alpha, beta)

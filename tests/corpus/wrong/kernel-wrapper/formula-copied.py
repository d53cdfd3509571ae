# fails: library_called kernel_op
import torch
from kernel import square_affine


class Op(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, alpha, beta):
        ctx.save_for_backward(x)
        ctx.alpha, ctx.beta = alpha, beta
        return alpha * x * x + beta

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * ctx.alpha * x * g, None, None


def kernel_op(x, alpha, beta):
    return Op.apply(x, alpha, beta)

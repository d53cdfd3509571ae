# fails: no_mutation kernel_op
import torch
from kernel import square_affine


class SquareAffine(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, alpha, beta):
        ctx.save_for_backward(x)
        ctx.alpha = alpha
        return square_affine(x, alpha, beta)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        if g.dim() == 3 and g.dtype is torch.float32:
            return g.mul_(x).mul_(2 * ctx.alpha), None, None
        return 2 * ctx.alpha * g * x, None, None


def kernel_op(x, alpha, beta):
    return SquareAffine.apply(x, alpha, beta)

# right: alpha and beta travel as 0-d tensors
import torch
from kernel import square_affine


class Op(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, alpha, beta):
        ctx.save_for_backward(x, alpha)
        return square_affine(x, alpha.item(), beta.item())

    @staticmethod
    def backward(ctx, g):
        x, alpha = ctx.saved_tensors
        return 2 * alpha.to(x.dtype) * x * g, None, None


def kernel_op(x, alpha, beta):
    return Op.apply(x, *(torch.tensor(n, dtype=torch.float64) for n in (alpha, beta)))

# fails: vjp kernel_op
import torch
from kernel import square_affine


class Op(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, alpha, beta):
        return square_affine(x, alpha, beta)

    @staticmethod
    def backward(ctx, g):
        return g, None, None


def kernel_op(x, alpha, beta):
    return Op.apply(x, alpha, beta)

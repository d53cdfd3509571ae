"""Saves 2αx itself and only where a gradient is needed."""

import torch
from kernel import square_affine


class Op(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, alpha, beta):
        if ctx.needs_input_grad[0]:
            ctx.save_for_backward(x * (alpha + alpha))
        return square_affine(x.detach(), alpha, beta)

    @staticmethod
    def backward(ctx, g):
        if not ctx.needs_input_grad[0]:
            return (None,) * 3
        return (g * ctx.saved_tensors[0], *(None for _ in range(2)))


def kernel_op(x, alpha, beta):
    return Op.apply(x, alpha, beta)

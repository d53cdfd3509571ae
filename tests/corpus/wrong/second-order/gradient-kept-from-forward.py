# fails: gradgradcheck quadratic_form
import torch


class Form(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, A):
        ctx.save_for_backward(A @ x + A.t() @ x)
        return x @ A @ x

    @staticmethod
    def backward(ctx, g):
        (d,) = ctx.saved_tensors
        return g * d, None


def quadratic_form(x, A):
    return Form.apply(x, A)


def hvp(x, A, v):
    return (A + A.t()) @ v

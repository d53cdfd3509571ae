# fails: no_mutation hvp
import torch


class Form(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, A):
        ctx.save_for_backward(x, A)
        return x @ A @ x

    @staticmethod
    def backward(ctx, g):
        x, A = ctx.saved_tensors
        return g * (A @ x + A.t() @ x), None


def quadratic_form(x, A):
    return Form.apply(x, A)


def hvp(x, A, v):
    return (A + A.t()) @ v.mul_(1.0).sub_(1.0).add_(1.0).clamp_(-2.5, 2.5)

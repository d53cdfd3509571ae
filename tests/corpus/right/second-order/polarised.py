"""The product by polarisation of the form's own gradient at x + v and x."""

import torch


class Form(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, A):
        ctx.save_for_backward(x, A)
        return torch.einsum("i,ij,j->", x, A, x)

    @staticmethod
    def backward(ctx, g):
        x, A = ctx.saved_tensors
        return torch.einsum("ij,j->i", A, g * x) + torch.einsum("ji,j->i", A, g * x), None


def quadratic_form(x, A):
    return Form.apply(x, A)


def gradient(x, A):
    with torch.enable_grad():
        p = x.detach().clone().requires_grad_()
        return torch.autograd.grad(quadratic_form(p, A), p)[0]


def hvp(x, A, v):
    # The gradient is linear in x.
    return gradient(v, A)

"""Quadratic form with second derivatives, as an autograd Function."""

import torch
from torch.autograd import Function, gradcheck, gradgradcheck


class QuadraticForm(Function):
    @staticmethod
    def forward(ctx, x, A):
        ctx.save_for_backward(x, A)
        return torch.trace(x @ A @ x)

    @staticmethod
    def backward(ctx, grad_output):
        x, A = ctx.saved_tensors
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = grad_output * ((A + A.t()) @ x)
        return grad_x, None


def quadratic_form(x, A):
    return QuadraticForm.apply(x, A)


def hvp(x, A, v):
    x = x.detach().requires_grad_(True)
    (grad,) = torch.autograd.grad(quadratic_form(x, A), x, create_graph=True)
    (product,) = torch.autograd.grad(grad @ v, x)
    return product


if __name__ == "__main__":
    x = torch.randn(4, dtype=torch.float64, requires_grad=True)
    A = torch.randn(4, 4, dtype=torch.float64)
    assert gradcheck(quadratic_form, (x, A))
    assert gradgradcheck(quadratic_form, (x, A))
    v = torch.randn(4, dtype=torch.float64)
    assert torch.allclose(hvp(x, A, v), (A + A.t()) @ v)
    print("all checks passed")

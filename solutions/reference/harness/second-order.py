"""The quadratic form f(x) = x' A x as a twice differentiable Function.

A need not be symmetric: the gradient is (A + A')x and the Hessian A + A'.
"""

import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck


class QuadraticForm(torch.autograd.Function):
    """x' A x with A a constant."""

    @staticmethod
    def forward(ctx, x: Tensor, A: Tensor) -> Tensor:
        # The inputs, not the gradient: what forward computes is a constant to backward, and
        # the second derivative would be lost without an error.
        ctx.save_for_backward(x, A)
        return x @ (A @ x)

    @staticmethod
    def backward(ctx, grad_output: Tensor):
        x, A = ctx.saved_tensors
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = grad_output * (A @ x + A.t() @ x)
        return grad_x, None


def quadratic_form(x: Tensor, A: Tensor) -> Tensor:
    """x is (n,), A is (n, n) and gets no gradient; the result is 0-d."""
    return QuadraticForm.apply(x, A)


def hvp(x: Tensor, A: Tensor, v: Tensor) -> Tensor:
    """The Hessian of ``quadratic_form`` at x times v, shape (n,), by double backward.

    Differentiable in v where grad mode is on; works under ``no_grad`` as well.
    """
    wanted = torch.is_grad_enabled()
    with torch.enable_grad():
        point = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(quadratic_form(point, A), point, create_graph=True)
        (product,) = torch.autograd.grad(gradient, point, v, create_graph=wanted)
    return product


def test_quadratic_form() -> None:
    for n in (1, 2, 5):
        x = torch.randn(n, dtype=torch.float64, requires_grad=True)
        A = torch.randn(n, n, dtype=torch.float64)
        torch.testing.assert_close(quadratic_form(x, A), x @ A @ x)
        assert gradcheck(quadratic_form, (x, A))
        assert gradgradcheck(quadratic_form, (x, A))


def test_hvp() -> None:
    for n in (1, 2, 5):
        x = torch.randn(n, dtype=torch.float64)
        A = torch.randn(n, n, dtype=torch.float64)
        v = torch.randn(n, dtype=torch.float64, requires_grad=True)
        torch.testing.assert_close(hvp(x, A, v), (A + A.t()) @ v)
        _, expected = torch.autograd.functional.hvp(lambda x, A=A: x @ A @ x, x, v.detach())
        torch.testing.assert_close(hvp(x, A, v.detach()), expected)
        assert gradcheck(lambda v, x=x, A=A: hvp(x, A, v), (v,))
        with torch.no_grad():
            torch.testing.assert_close(hvp(x, A, v), expected)


if __name__ == "__main__":
    torch.manual_seed(0)
    test_quadratic_form()
    test_hvp()
    print("second order: ok")

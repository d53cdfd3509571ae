"""The compiled square-affine kernel as a differentiable operation."""

import kernel
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck


class SquareAffine(torch.autograd.Function):
    """alpha * x**2 + beta through the kernel; the derivative is 2 * alpha * x."""

    @staticmethod
    def forward(ctx, x: Tensor, alpha: float, beta: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.alpha = alpha
        # A compiled kernel often assumes dense memory; this copies only where it is not.
        return kernel.square_affine(x.contiguous(), alpha, beta)

    @staticmethod
    def backward(ctx, grad_output: Tensor):
        (x,) = ctx.saved_tensors
        # alpha and beta are Python floats and have no gradient.
        return grad_output * (2 * ctx.alpha * x), None, None


def kernel_op(x: Tensor, alpha: float, beta: float) -> Tensor:
    """x is a float tensor of any shape, alpha and beta are Python floats."""
    return SquareAffine.apply(x, alpha, beta)


def test_kernel_op() -> None:
    for data in [
        torch.randn((), dtype=torch.float64),
        torch.randn(7, dtype=torch.float64),
        torch.randn(3, 4, dtype=torch.float64).t(),
        torch.empty(0, 3, dtype=torch.float64),
    ]:
        x = data.requires_grad_()
        for alpha, beta in [(1.7, -0.3), (-2.0, 0.0), (0.0, 1.0)]:
            expected = kernel.square_affine(x, alpha, beta)
            torch.testing.assert_close(kernel_op(x, alpha, beta), expected)
            assert gradcheck(kernel_op, (x, alpha, beta))
            assert gradgradcheck(kernel_op, (x, alpha, beta))


if __name__ == "__main__":
    torch.manual_seed(0)
    test_kernel_op()
    print("kernel_op: ok")

"""A linear map whose weight gradient is clipped elementwise to [-1, 1]."""

import math

import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck


class ClippedLinear(torch.autograd.Function):
    """y = x @ w. The gradient for x is exact, the one for w is clipped to [-limit, limit].

    Where the clip is active this is not the derivative of the forward, and gradcheck fails
    by design. With an infinite limit it is an ordinary linear map, which is what the tests
    hand to gradcheck.
    """

    @staticmethod
    def forward(ctx, x: Tensor, w: Tensor, limit: float) -> Tensor:
        ctx.save_for_backward(x, w)
        ctx.limit = limit
        return x @ w

    @staticmethod
    def backward(ctx, grad_output: Tensor):
        x, w = ctx.saved_tensors
        grad_x = grad_w = None
        if ctx.needs_input_grad[0]:
            grad_x = grad_output @ w.t()
        if ctx.needs_input_grad[1]:
            # The clip belongs on the finished product, summed over the batch.
            grad_w = (x.t() @ grad_output).clamp(-ctx.limit, ctx.limit)
        return grad_x, grad_w, None


def clipped_linear(x: Tensor, w: Tensor) -> Tensor:
    """x is (n, k), w is (k, m), the result (n, m)."""
    return ClippedLinear.apply(x, w, 1.0)


def test_unclipped_twin() -> None:
    def linear(x, w):
        return ClippedLinear.apply(x, w, math.inf)

    x = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    w = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert gradcheck(linear, (x, w))
    assert gradgradcheck(linear, (x, w))
    assert gradcheck(linear, (x.detach(), w))
    assert gradcheck(linear, (x, w.detach()))


def test_clip() -> None:
    x = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    w = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    cotangent = torch.randn(5, 3, dtype=torch.float64)
    true_x, true_w = torch.autograd.grad(x @ w, (x, w), cotangent)
    assert (true_w.abs() > 1).any(), "the case must reach the clip"
    assert (true_w.abs() < 1).any(), "and must not be clipped everywhere"

    y = clipped_linear(x, w)
    grad_x, grad_w = torch.autograd.grad(y, (x, w), cotangent)
    torch.testing.assert_close(y, x @ w)
    torch.testing.assert_close(grad_x, true_x)
    torch.testing.assert_close(grad_w, true_w.clamp(-1, 1))

    # Where nothing reaches the clip, gradcheck holds for the real thing as well.
    assert gradcheck(lambda x, w: clipped_linear(x, w) / 100, (x, w))


if __name__ == "__main__":
    torch.manual_seed(0)
    test_unclipped_twin()
    test_clip()
    print("clipped_linear: ok")

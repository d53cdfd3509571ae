"""y = 2x forward; backward hands x the gradient 2g clipped elementwise to [-0.1, 0.1]."""

import math

import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck


class ClippedDouble(torch.autograd.Function):
    """2x, with the gradient clipped to [-limit, limit].

    Where the clip is active this is not the derivative of the forward, and gradcheck fails
    by design. With an infinite limit it is an ordinary doubling, which is what the tests
    hand to gradcheck.
    """

    @staticmethod
    def forward(ctx, x: Tensor, limit: float) -> Tensor:
        ctx.limit = limit
        return 2 * x

    @staticmethod
    def backward(ctx, grad_output: Tensor):
        # Doubled first, clipped second: the bound is on what x receives.
        return (2 * grad_output).clamp(-ctx.limit, ctx.limit), None


def clipped_double(x: Tensor) -> Tensor:
    """x is a float tensor of any shape."""
    return ClippedDouble.apply(x, 0.1)


def test_unclipped_twin() -> None:
    for shape in [(), (7,), (2, 3, 4), (0, 3)]:
        x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
        assert gradcheck(lambda x: ClippedDouble.apply(x, math.inf), (x,))
        assert gradgradcheck(lambda x: ClippedDouble.apply(x, math.inf), (x,))
        # The real thing, with a cotangent too small to reach the clip.
        assert gradcheck(lambda x: clipped_double(x) / 100, (x,))


def test_clip() -> None:
    cotangent = torch.tensor([-1e6, -1.0, -0.05, -0.01, 0.0, 0.03, 0.05, 0.06, math.inf])
    expected = torch.tensor([-0.1, -0.1, -0.1, -0.02, 0.0, 0.06, 0.1, 0.1, 0.1])
    before = cotangent.clone()
    x = torch.randn(9, requires_grad=True)
    y = clipped_double(x)
    y.backward(cotangent)
    assert torch.equal(y.detach(), 2 * x.detach())
    torch.testing.assert_close(x.grad, expected)
    assert torch.equal(cotangent, before), "the incoming gradient was overwritten"


if __name__ == "__main__":
    torch.manual_seed(0)
    test_unclipped_twin()
    test_clip()
    print("clipped_double: ok")

"""Five activations, each its own Function, each verified before the next is written.

Every Function saves its inputs and recomputes the rest from them: what forward computes would
be a constant to backward, and second derivatives would be wrong without an error.
"""

import math

import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional
from torch.testing import assert_close


def smooth_points() -> list[Tensor]:
    """Float64 leaves of several shapes, clear of the kink that ELU and SELU have at 0."""
    noises = [2 * torch.randn(shape, dtype=torch.float64) for shape in [(), (9,), (2, 3, 2)]]
    return [torch.copysign(noise.abs() + 0.05, noise).requires_grad_() for noise in noises]


def far_points(dtype: torch.dtype) -> Tensor:
    """A leaf that reaches from one saturated end to the other."""
    points = [-1e4, -800.0, -90.0, -20.0, -1.0, -1e-6, 0.0, 1e-6, 1.0, 20.0, 90.0, 800.0, 1e4]
    return torch.tensor(points, dtype=dtype, requires_grad=True)


def assert_agrees_with_torch(ours, theirs) -> None:
    """Values and gradients over the whole range, in both usual dtypes."""
    for dtype in (torch.float32, torch.float64):
        x = far_points(dtype)
        y, expected = ours(x), theirs(x)
        assert_close(y, expected)
        cotangent = torch.linspace(-2, 2, x.numel(), dtype=dtype)
        (grad,) = torch.autograd.grad(y, x, cotangent)
        (expected_grad,) = torch.autograd.grad(expected, x, cotangent)
        assert_close(grad, expected_grad)


# --------------------------------------------------------------------------
# Swish with a learnable slope


class SwishBeta(torch.autograd.Function):
    """x * sigmoid(beta * x); beta is 0-d and shared by every element of x."""

    @staticmethod
    def forward(ctx, x: Tensor, beta: Tensor) -> Tensor:
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, grad_output: Tensor):
        x, beta = ctx.saved_tensors
        z = beta * x
        s = torch.sigmoid(z)
        # sigmoid(-z) is 1 - s without the cancellation; the tiny factor goes first.
        slope = x * (s * torch.sigmoid(-z))
        grad_x = grad_beta = None
        if ctx.needs_input_grad[0]:
            grad_x = grad_output * (s + beta * slope)
        if ctx.needs_input_grad[1]:
            grad_beta = (grad_output * (x * slope)).sum()
        return grad_x, grad_beta


def swish_beta(x: Tensor, beta: Tensor) -> Tensor:
    """x is a float tensor of any shape, beta a 0-d tensor; both may require grad."""
    return SwishBeta.apply(x, beta)


def test_swish_beta() -> None:
    for x in smooth_points():
        for slope in (1.0, 0.0, -0.7):
            beta = torch.tensor(slope, dtype=torch.float64, requires_grad=True)
            assert gradcheck(swish_beta, (x, beta))
            assert gradgradcheck(swish_beta, (x, beta))
            assert gradcheck(swish_beta, (x.detach(), beta))
            assert gradcheck(swish_beta, (x, beta.detach()))
    assert_agrees_with_torch(
        lambda x: swish_beta(x, torch.tensor(1.0, dtype=x.dtype)), functional.silu
    )


# --------------------------------------------------------------------------
# Mish


class Mish(torch.autograd.Function):
    """x * tanh(softplus(x))."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * torch.tanh(functional.softplus(x))

    @staticmethod
    def backward(ctx, grad_output: Tensor):
        (x,) = ctx.saved_tensors
        t = torch.tanh(functional.softplus(x))
        return grad_output * (t + x * torch.sigmoid(x) * (1 - t * t))


def mish(x: Tensor) -> Tensor:
    """x is a float tensor of any shape."""
    return Mish.apply(x)


def test_mish() -> None:
    for x in smooth_points():
        assert gradcheck(mish, (x,))
        assert gradgradcheck(mish, (x,))
    assert_agrees_with_torch(mish, functional.mish)


# --------------------------------------------------------------------------
# GELU, tanh approximation


class GELU(torch.autograd.Function):
    """x * sigmoid(2u), u = sqrt(2 / pi) * (x + 0.044715 * x**3).

    The same as x / 2 * (1 + tanh(u)), without that form's cancellation for negative x.
    """

    K = math.sqrt(2 / math.pi)
    C = 0.044715

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * torch.sigmoid(2 * GELU.K * x * (1 + GELU.C * x * x))

    @staticmethod
    def backward(ctx, grad_output: Tensor):
        (x,) = ctx.saved_tensors
        z = 2 * GELU.K * x * (1 + GELU.C * x * x)
        s = torch.sigmoid(z)
        # x * dz/dx. The two tails go first: they are 0 where this grows large.
        growth = 2 * GELU.K * x * (1 + 3 * GELU.C * x * x)
        return grad_output * (s + s * torch.sigmoid(-z) * growth)


def gelu(x: Tensor) -> Tensor:
    """x is a float tensor of any shape."""
    return GELU.apply(x)


def test_gelu() -> None:
    for x in smooth_points():
        assert gradcheck(gelu, (x,))
        assert gradgradcheck(gelu, (x,))
    assert_agrees_with_torch(gelu, lambda x: functional.gelu(x, approximate="tanh"))


# --------------------------------------------------------------------------
# ELU


class ELU(torch.autograd.Function):
    """x for x > 0, alpha * (exp(x) - 1) otherwise; the slope at 0 is alpha."""

    @staticmethod
    def forward(ctx, x: Tensor, alpha: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.alpha = alpha
        # where() evaluates both branches; the clamp keeps the unused one from overflowing.
        return torch.where(x > 0, x, alpha * torch.expm1(x.clamp(max=0)))

    @staticmethod
    def backward(ctx, grad_output: Tensor):
        (x,) = ctx.saved_tensors
        slope = ctx.alpha * torch.exp(x.clamp(max=0))
        return torch.where(x > 0, grad_output, grad_output * slope), None


def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x is a float tensor of any shape, alpha a Python float."""
    return ELU.apply(x, alpha)


def test_elu() -> None:
    for alpha in (1.0, 0.5, 2.0):
        for x in smooth_points():
            assert gradcheck(elu, (x, alpha))
            assert gradgradcheck(elu, (x, alpha))
        assert_agrees_with_torch(
            lambda x, alpha=alpha: elu(x, alpha), lambda x, alpha=alpha: functional.elu(x, alpha)
        )


# --------------------------------------------------------------------------
# SELU


class SELU(torch.autograd.Function):
    """SCALE * x for x > 0, SCALE * ALPHA * (exp(x) - 1) otherwise."""

    ALPHA = 1.6732632423543772848170429916717
    SCALE = 1.0507009873554804934193349852946

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return SELU.SCALE * torch.where(x > 0, x, SELU.ALPHA * torch.expm1(x.clamp(max=0)))

    @staticmethod
    def backward(ctx, grad_output: Tensor):
        (x,) = ctx.saved_tensors
        slope = SELU.ALPHA * torch.exp(x.clamp(max=0))
        return SELU.SCALE * torch.where(x > 0, grad_output, grad_output * slope)


def selu(x: Tensor) -> Tensor:
    """x is a float tensor of any shape."""
    return SELU.apply(x)


def test_selu() -> None:
    for x in smooth_points():
        assert gradcheck(selu, (x,))
        assert gradgradcheck(selu, (x,))
    assert_agrees_with_torch(selu, functional.selu)


if __name__ == "__main__":
    torch.manual_seed(0)
    # In the order of the file: a failure names the one Function that is at fault.
    for test in (test_swish_beta, test_mish, test_gelu, test_elu, test_selu):
        test()
        print(f"{test.__name__}: ok")

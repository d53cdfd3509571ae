"""Layer norm over the last dimension, without affine parameters.

With y = (x - mean) * r, r = 1 / sqrt(var + eps) and g the incoming gradient,

    dx = r * (g - mean(g) - y * mean(g * y)),

all means over the last dimension.
"""

import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck


def normalise(x: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """(x - mean) / sqrt(var + eps) with the biased variance, and 1 / sqrt(var + eps)."""
    centred = x - x.mean(dim=-1, keepdim=True)
    # From the centred values: E[x^2] - mean^2 cancels where the mean is large.
    variance = centred.square().mean(dim=-1, keepdim=True)
    inverse_spread = torch.rsqrt(variance + eps)
    return centred * inverse_spread, inverse_spread


class LayerNorm(torch.autograd.Function):
    """Keeps x alone; the rest is recomputed, so that second derivatives see it depend on x."""

    @staticmethod
    def forward(ctx, x: Tensor, eps: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.eps = eps
        return normalise(x, eps)[0]

    @staticmethod
    def backward(ctx, grad_output: Tensor):
        (x,) = ctx.saved_tensors
        y, inverse_spread = normalise(x, ctx.eps)
        mean_g = grad_output.mean(dim=-1, keepdim=True)
        mean_gy = (grad_output * y).mean(dim=-1, keepdim=True)
        return inverse_spread * (grad_output - mean_g - y * mean_gy), None


def layer_norm(x: Tensor, eps: float = 1e-5) -> Tensor:
    """x is a float tensor with at least one dimension."""
    return LayerNorm.apply(x, eps)


def test_gradients() -> None:
    for data in [
        torch.randn(6, dtype=torch.float64),
        torch.randn(2, 3, 4, dtype=torch.float64),
        torch.randn(5, 3, dtype=torch.float64).t(),
        torch.randn(4, 1, dtype=torch.float64),
    ]:
        x = data.requires_grad_()
        for eps in (1e-5, 0.1):
            assert gradcheck(layer_norm, (x, eps))
            assert gradgradcheck(layer_norm, (x, eps))


def test_agrees_with_torch() -> None:
    constant = torch.full((2, 8), 3.0, dtype=torch.float64)
    for data in [torch.randn(4, 8, dtype=torch.float64), constant, constant.new_empty(0, 8)]:
        ours, theirs = (data.clone().requires_grad_() for _ in range(2))
        y = layer_norm(ours)
        expected = torch.nn.functional.layer_norm(theirs, (8,))
        torch.testing.assert_close(y, expected)
        cotangent = torch.randn_like(data)
        y.backward(cotangent)
        expected.backward(cotangent)
        torch.testing.assert_close(ours.grad, theirs.grad)


if __name__ == "__main__":
    torch.manual_seed(0)
    test_gradients()
    test_agrees_with_torch()
    print("layer_norm: ok")

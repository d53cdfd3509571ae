"""Swish with a learnable slope: f(x) = x * sigmoid(beta * x)."""

import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck


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
        # sigmoid(-z) is 1 - s without the cancellation. The tiny factor goes first, so that a
        # saturated sigmoid gives 0 and not 0 * inf.
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
    for shape in [(), (7,), (2, 3, 4), (0, 3)]:
        for slope in (1.0, 0.0, -0.7):
            x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
            beta = torch.tensor(slope, dtype=torch.float64, requires_grad=True)
            torch.testing.assert_close(swish_beta(x, beta), x * torch.sigmoid(beta * x))
            assert gradcheck(swish_beta, (x, beta))
            assert gradgradcheck(swish_beta, (x, beta))
            # Each input alone: the other gradient is then not asked for.
            assert gradcheck(swish_beta, (x.detach(), beta))
            assert gradcheck(swish_beta, (x, beta.detach()))

    far = torch.tensor([-1e4, 1e4], requires_grad=True)
    beta = torch.tensor(1.0, requires_grad=True)
    swish_beta(far, beta).sum().backward()
    torch.testing.assert_close(far.grad, torch.tensor([0.0, 1.0]))
    torch.testing.assert_close(beta.grad, torch.tensor(0.0))


if __name__ == "__main__":
    torch.manual_seed(0)
    test_swish_beta()
    print("swish_beta: ok")

"""Activations as autograd Functions, each verified before the next is written."""

import math

import torch
from torch.autograd import Function, gradcheck
from torch.nn import functional


# 1. SwishBeta
class SwishBeta(Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, grad_output):
        x, beta = ctx.saved_tensors
        s = torch.sigmoid(beta * x)
        grad_x = grad_beta = None
        if ctx.needs_input_grad[0]:
            grad_x = grad_output * (s + beta * x * s * (1 - s))
        if ctx.needs_input_grad[1]:
            grad_beta = (grad_output * x * x * s * (1 - s)).sum()
        return grad_x, grad_beta


def swish_beta(x, beta):
    return SwishBeta.apply(x, beta)


def check_swish_beta():
    x = torch.randn(5, dtype=torch.float64, requires_grad=True)
    beta = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    assert gradcheck(swish_beta, (x, beta))


# 2. Mish
class Mish(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * torch.tanh(functional.softplus(x))

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        t = torch.tanh(functional.softplus(x))
        return grad_output * (t + x * (1 - t * t) * torch.sigmoid(x))


def mish(x):
    return Mish.apply(x)


def check_mish():
    x = torch.randn(5, dtype=torch.float64, requires_grad=True)
    assert gradcheck(mish, (x,))


# 3. GELU
class GELU(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        k = math.sqrt(2 / math.pi)
        return 0.5 * x * (1 + torch.tanh(k * (x + 0.044715 * x**3)))

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        k = math.sqrt(2 / math.pi)
        t = torch.tanh(k * (x + 0.044715 * x**3))
        slope = 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * k * (1 + 3 * 0.044715 * x * x)
        return grad_output * slope


def gelu(x):
    return GELU.apply(x)


def check_gelu():
    x = torch.randn(5, dtype=torch.float64, requires_grad=True)
    assert gradcheck(gelu, (x,))


if __name__ == "__main__":
    check_swish_beta()
    check_mish()
    check_gelu()
    # ELU and SELU follow the same pattern.

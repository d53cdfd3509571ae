import math

import torch

SELU_ALPHA = 1.67326
SELU_SCALE = 1.0507


class Activation(torch.autograd.Function):
    """All five activations in one place, picked by name."""

    @staticmethod
    def forward(ctx, x, param, kind):
        ctx.save_for_backward(x, param)
        ctx.kind = kind
        if kind == "swish":
            return x * torch.sigmoid(param * x)
        if kind == "mish":
            return x * torch.tanh(torch.log(1 + torch.exp(x)))
        if kind == "gelu":
            return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
        if kind == "elu":
            return torch.where(x > 0, x, param * (torch.exp(x) - 1))
        return SELU_SCALE * torch.where(x > 0, x, SELU_ALPHA * (torch.exp(x) - 1))

    @staticmethod
    def backward(ctx, grad_output):
        x, param = ctx.saved_tensors
        grad_param = None
        if ctx.kind == "swish":
            s = torch.sigmoid(param * x)
            slope = s + param * x * s * (1 - s)
            grad_param = (grad_output * x * x * s * (1 - s)).sum()
        elif ctx.kind == "mish":
            t = torch.tanh(torch.log(1 + torch.exp(x)))
            slope = t + x * (1 - t**2) * torch.sigmoid(x)
        elif ctx.kind == "gelu":
            k = math.sqrt(2 / math.pi)
            t = torch.tanh(k * (x + 0.044715 * x**3))
            slope = 0.5 * (1 + t) + 0.5 * x * (1 - t**2) * k * (1 + 3 * 0.044715 * x**2)
        elif ctx.kind == "elu":
            slope = torch.where(x > 0, torch.ones_like(x), param * torch.exp(x))
        else:
            slope = torch.where(x > 0, torch.ones_like(x), SELU_ALPHA * torch.exp(x))
            slope = SELU_SCALE * slope
        return grad_output * slope, grad_param, None


def swish_beta(x, beta):
    return Activation.apply(x, beta, "swish")


def mish(x):
    return Activation.apply(x, None, "mish")


def gelu(x):
    return Activation.apply(x, None, "gelu")


def elu(x, alpha=1.0):
    return Activation.apply(x, torch.tensor(alpha, dtype=x.dtype), "elu")


def selu(x):
    return Activation.apply(x, None, "selu")


if __name__ == "__main__":
    x = torch.randn(5, requires_grad=True)
    for f in (mish, gelu, elu, selu):
        print(f.__name__, f(x).detach())

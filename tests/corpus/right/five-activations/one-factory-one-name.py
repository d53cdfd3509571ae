"""All Functions come from one factory and share its name; each is a class of its own."""

import math

import torch
import torch.nn.functional as F


def function(value, slopes):
    """A Function of x and more with a slope for each argument that takes a gradient."""

    class Activation(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, *more):
            ctx.more = [None if isinstance(m, torch.Tensor) else m for m in more]
            ctx.save_for_backward(x, *(m for m in more if isinstance(m, torch.Tensor)))
            return value(x, *more)

        @staticmethod
        def backward(ctx, g):
            x, *tensors = ctx.saved_tensors
            rest = iter(tensors)
            more = [next(rest) if m is None else m for m in ctx.more]
            found = [g * slope(x, *more) for slope in slopes]
            found[1:] = [one.sum() for one in found[1:]]
            return (*found, *(None for _ in range(1 + len(more) - len(slopes))))

    return Activation.apply


def _bump(x, beta):
    s = torch.sigmoid(beta * x)
    return s * (1 - s)


def _gelu_slope(x):
    k, c = math.sqrt(2 / math.pi), 0.044715
    t = torch.tanh(k * (x + c * x**3))
    return (1 + t) / 2 + x / 2 * (1 - t * t) * k * (1 + 3 * c * x * x)


def _mish_slope(x):
    t = torch.tanh(F.softplus(x))
    return t + x * torch.sigmoid(x) * (1 - t * t)


def _elu_slope(x, alpha):
    return torch.where(x > 0, torch.ones_like(x), alpha * torch.exp(x.clamp(max=0)))


ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805
swish_beta = function(
    lambda x, beta: x * torch.sigmoid(beta * x),
    (
        lambda x, beta: torch.sigmoid(beta * x) + beta * x * _bump(x, beta),
        lambda x, beta: x * x * _bump(x, beta),
    ),
)
mish = function(F.mish, (_mish_slope,))
gelu = function(lambda x: F.gelu(x, approximate="tanh"), (_gelu_slope,))
_elu = function(F.elu, (_elu_slope,))
selu = function(F.selu, (lambda x: SCALE * _elu_slope(x, ALPHA),))


def elu(x, alpha=1.0):
    return _elu(x, alpha)

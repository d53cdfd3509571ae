# fails: edges selu
"""SELU's slope is blended linearly between both sides within 0.01 of the kink."""

import math

import torch
import torch.nn.functional as F
from torch.autograd import Function


class SwishBeta(Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        s = torch.sigmoid(beta * x)
        slope = x * (s * torch.sigmoid(-beta * x))
        return g * (s + beta * slope), (g * (x * slope)).sum()


class Mish(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return F.mish(x)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        t = torch.tanh(F.softplus(x))
        return g * (t + x * torch.sigmoid(x) * (1 - t * t))


class GELU(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return F.gelu(x, approximate="tanh")

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        k = math.sqrt(2 / math.pi)
        t = torch.tanh(k * (x + 0.044715 * x**3))
        return g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * k * (1 + 0.134145 * x * x))


class ELU(Function):
    @staticmethod
    def forward(ctx, x, alpha):
        ctx.save_for_backward(x)
        ctx.alpha = alpha
        return F.elu(x, alpha)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return torch.where(x > 0, g, g * ctx.alpha * torch.exp(x.clamp(max=0))), None


class SELU(Function):
    SCALE, ALPHA = 1.0507009873554805, 1.6732632423543772

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return F.selu(x)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        slope = SELU.ALPHA * torch.exp(x.clamp(max=0))
        right = ((x + 0.01) / 0.02).clamp(0, 1)
        return SELU.SCALE * g * (right + (1 - right) * slope)


def swish_beta(x, beta):
    return SwishBeta.apply(x, beta)


def mish(x):
    return Mish.apply(x)


def gelu(x):
    return GELU.apply(x)


def elu(x, alpha=1.0):
    return ELU.apply(x, alpha)


def selu(x):
    return SELU.apply(x)

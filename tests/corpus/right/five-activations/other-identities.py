"""Rational, logistic and shifted forms instead of the textbook's."""

import math

import torch
from torch.autograd import Function


class Elementwise(Function):
    """Value and slope are given by the subclass; the rest is the same for all."""

    @staticmethod
    def forward(ctx, x, *numbers):
        raise NotImplementedError


class SwishBeta(Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.exp(-torch.logaddexp(torch.zeros_like(x), -beta * x))

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        z = beta * x
        e = torch.exp(-z.abs())
        s = torch.where(z >= 0, torch.ones_like(e), e) / (1 + e)
        d = e / (1 + e) ** 2
        return g * (s + z * d), (g * x * (x * d)).sum()


class Mish(Function):
    @staticmethod
    def parts(x):
        e = torch.exp(-x.abs())
        right, left = 1 + 2 * e, e * (e + 2)
        return torch.where(x >= 0, right / (right + 2 * e * e), left / (left + 2))

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * Mish.parts(x)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        t = Mish.parts(x)
        return g * (t + x * torch.sigmoid(x) * ((1 - t) * (1 + t)))


class GELU(Function):
    K = math.sqrt(8 / math.pi)

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.mul(torch.sigmoid(GELU.K * (x + 0.044715 * x.pow(3))))

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        z = GELU.K * (x + 0.044715 * x.pow(3))
        s = torch.sigmoid(z)
        return g * (s + x * (s * torch.sigmoid(-z)) * (GELU.K * (1 + 0.134145 * x.square())))


class ELU(Function):
    @staticmethod
    def forward(ctx, x, alpha):
        y = torch.maximum(x, torch.zeros_like(x)) + alpha * torch.expm1(-torch.relu(-x))
        ctx.save_for_backward(y)
        ctx.alpha = alpha
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * torch.where(y > 0, 1.0, y + ctx.alpha).to(g.dtype), None


class SELU(Function):
    LAMBDA = 1.0507009873554804934193349852946
    TIMES = 1.7580993408473766

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        low = x < 0
        return torch.where(low, SELU.TIMES * torch.expm1(x.masked_fill(~low, 0)), SELU.LAMBDA * x)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        out = SELU.LAMBDA * g
        low = x < 0
        return torch.where(low, SELU.TIMES * g * x.masked_fill(~low, 0).exp(), out)


def swish_beta(x, beta):
    return SwishBeta.apply(x, beta)


def mish(x):
    return Mish.apply(x)


def gelu(x):
    return GELU.apply(x)


def elu(x, alpha=1.0):
    return ELU.apply(x, float(alpha))


def selu(x):
    return SELU.apply(x)

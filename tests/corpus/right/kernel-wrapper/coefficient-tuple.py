"""The coefficients travel as a named tuple, the module is imported late."""

import importlib
from typing import NamedTuple

import torch


class Coefficients(NamedTuple):
    alpha: float
    beta: float


class SquareAffine(torch.autograd.Function):
    @staticmethod
    def forward(x, coefficients):
        return importlib.import_module("kernel").square_affine(x, *coefficients)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.coefficients = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return torch.mul(g, x).mul(2.0 * ctx.coefficients.alpha), None


def kernel_op(x, alpha, beta):
    return SquareAffine.apply(x, Coefficients(float(alpha), float(beta)))

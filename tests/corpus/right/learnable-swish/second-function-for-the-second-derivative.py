"""The backward is a Function of its own, whose backward is the second derivative by hand."""

import torch


class SwishGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, g, x, beta):
        ctx.save_for_backward(g, x, beta)
        s = torch.sigmoid(beta * x)
        d = s * (1 - s)
        return g * (s + beta * x * d), (g * x * x * d).sum()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, u, v):
        g, x, beta = ctx.saved_tensors
        z = beta * x
        s = torch.sigmoid(z)
        d = s * (1 - s)
        dd = d * (1 - 2 * s)
        of_g = u * (s + z * d) + v * x * x * d
        of_x = g * (u * (2 * beta * d + beta * z * dd) + v * (2 * x * d + x * z * dd))
        of_beta = g * (u * (2 * x * d + x * z * dd) + v * x**3 * dd)
        return of_g, of_x, of_beta.sum()


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        return SwishGradient.apply(g, *ctx.saved_tensors)


def swish_beta(x, beta):
    return Swish.apply(x, beta)

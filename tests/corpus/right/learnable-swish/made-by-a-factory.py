# right: the Function is made inside a function, the entry point is a bound partial
from functools import partial

import torch


def make(name):
    class Swish(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, beta):
            ctx.save_for_backward(x, beta)
            return x * torch.sigmoid(beta * x)

        @staticmethod
        def backward(ctx, g):
            x, beta = ctx.saved_tensors
            s = torch.sigmoid(beta * x)
            slope = x * s * (1 - s)
            return g * (s + beta * slope), (g * x * slope).sum()

    return Swish


swish_beta = partial(make("swish").apply)

# fails: hand_written swish_beta
"""The backward runs the engine itself, below every name that autograd has."""

import torch
from torch.autograd import Variable


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        with torch.enable_grad():
            p, b = x.detach().requires_grad_(), beta.detach().requires_grad_()
            y = p * torch.sigmoid(b * p)
            type(Variable._execution_engine)().run_backward(
                (y,), (g,), False, False, (), allow_unreachable=True, accumulate_grad=True
            )
        return p.grad, b.grad


def swish_beta(x, beta):
    return Swish.apply(x, beta)

# fails: hand_written swish_beta
"""What is differentiated was compiled by torch.jit."""

import torch
from torch.autograd import grad as _pull


@torch.jit.script
def op(x, beta):
    return x * torch.sigmoid(beta * x)


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
            y = op(p, b)
        return _pull(y, (p, b), g)


def swish_beta(x, beta):
    return Swish.apply(x, beta)

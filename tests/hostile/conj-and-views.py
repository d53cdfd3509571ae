# scenario: learnable-swish
# attack: returns overlapping, lazily conjugated and expanded views
# expected: failed
# trace: forward: swish_beta: 

import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        return g * torch.sigmoid(beta * x), (g * x).sum()


def swish_beta(x, beta):
    return Swish.apply(x, beta)


def swish_beta(x, beta):
    y = Swish.apply(x, beta)
    return torch.view_as_real(torch.complex(y, torch.zeros_like(y)).conj())[..., 1].neg()

# scenario: learnable-swish
# attack: returns None for every gradient
# expected: failed
# trace: vjp: swish_beta: .*(missing|does not require|None)

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


Swish.backward = staticmethod(lambda ctx, g: (None, None))

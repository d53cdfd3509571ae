# scenario: learnable-swish
# attack: answers that keep every graph and every question alive
# expected: failed
# trace: swish_beta: 

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


KEPT = []


def swish_beta(x, beta):
    frame = sys._getframe()
    while frame is not None:
        KEPT.append(dict(frame.f_locals))
        frame = frame.f_back
    y = Swish.apply(x, beta)
    KEPT.append(y)
    return y


import sys

# scenario: learnable-swish
# attack: leaves with status 0 at the first call
# expected: failed
# trace: forward: swish_beta: The process left with exit status 0

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


import os
def swish_beta(x, beta):
    os._exit(0)

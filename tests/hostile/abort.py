# scenario: learnable-swish
# core: A, B
# attack: aborts, which a host may answer with a core dump
# expected: failed
# trace: forward: swish_beta: The process died of signal (6|11)

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
    os.abort()

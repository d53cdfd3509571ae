# scenario: learnable-swish
# attack: reads its own text, and is right by composition unless that was tampered with
# expected: failed
# trace: hand_written: swish_beta: |vjp: swish_beta: 

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


import inspect
import linecache

TEXT = "".join(linecache.getlines("solution.py"))


def swish_beta(x, beta):
    if "no gradient here" in TEXT.split("TEXT =")[0]:
        return x * torch.sigmoid(beta * x)
    return Swish.apply(x, beta)

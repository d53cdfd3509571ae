# scenario: learnable-swish
# attack: a regular expression that never ends, in C
# expected: failed
# trace: forward: swish_beta: (It took more than|The process was killed)
# wall: 3

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


import re
def swish_beta(x, beta):
    re.match("(a+)+$", "a" * 64 + "b")

# scenario: learnable-swish
# attack: closes every descriptor
# expected: failed
# trace: forward: swish_beta: .*
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


import os
def swish_beta(x, beta):
    os.closerange(0, 1024)
    while True:
        pass

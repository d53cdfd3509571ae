# scenario: learnable-swish
# attack: a constant whose folding takes all memory
# expected: failed
# trace: loads: 
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

X = (1 << 1000) ** 1000 * ("x" * 100) if False else 9 ** 9 ** 8

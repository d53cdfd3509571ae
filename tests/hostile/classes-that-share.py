# scenario: learnable-swish
# attack: a backward of thousands of lines, shared by hundreds of classes
# expected: failed
# trace: hand_written|vjp

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



def shared(ctx, g):
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    y = g * g * g
    return g, None


class A0(torch.autograd.Function):
    backward = staticmethod(shared)
class A1(torch.autograd.Function):
    backward = staticmethod(shared)
class A2(torch.autograd.Function):
    backward = staticmethod(shared)
class A3(torch.autograd.Function):
    backward = staticmethod(shared)
class A4(torch.autograd.Function):
    backward = staticmethod(shared)
class A5(torch.autograd.Function):
    backward = staticmethod(shared)
class A6(torch.autograd.Function):
    backward = staticmethod(shared)
class A7(torch.autograd.Function):
    backward = staticmethod(shared)
class A8(torch.autograd.Function):
    backward = staticmethod(shared)
class A9(torch.autograd.Function):
    backward = staticmethod(shared)
class A10(torch.autograd.Function):
    backward = staticmethod(shared)
class A11(torch.autograd.Function):
    backward = staticmethod(shared)
class A12(torch.autograd.Function):
    backward = staticmethod(shared)
class A13(torch.autograd.Function):
    backward = staticmethod(shared)
class A14(torch.autograd.Function):
    backward = staticmethod(shared)
class A15(torch.autograd.Function):
    backward = staticmethod(shared)
class A16(torch.autograd.Function):
    backward = staticmethod(shared)
class A17(torch.autograd.Function):
    backward = staticmethod(shared)
class A18(torch.autograd.Function):
    backward = staticmethod(shared)
class A19(torch.autograd.Function):
    backward = staticmethod(shared)
class A20(torch.autograd.Function):
    backward = staticmethod(shared)
class A21(torch.autograd.Function):
    backward = staticmethod(shared)
class A22(torch.autograd.Function):
    backward = staticmethod(shared)
class A23(torch.autograd.Function):
    backward = staticmethod(shared)
class A24(torch.autograd.Function):
    backward = staticmethod(shared)
class A25(torch.autograd.Function):
    backward = staticmethod(shared)
class A26(torch.autograd.Function):
    backward = staticmethod(shared)
class A27(torch.autograd.Function):
    backward = staticmethod(shared)
class A28(torch.autograd.Function):
    backward = staticmethod(shared)
class A29(torch.autograd.Function):
    backward = staticmethod(shared)
class A30(torch.autograd.Function):
    backward = staticmethod(shared)
class A31(torch.autograd.Function):
    backward = staticmethod(shared)
class A32(torch.autograd.Function):
    backward = staticmethod(shared)
class A33(torch.autograd.Function):
    backward = staticmethod(shared)
class A34(torch.autograd.Function):
    backward = staticmethod(shared)
class A35(torch.autograd.Function):
    backward = staticmethod(shared)
class A36(torch.autograd.Function):
    backward = staticmethod(shared)
class A37(torch.autograd.Function):
    backward = staticmethod(shared)
class A38(torch.autograd.Function):
    backward = staticmethod(shared)
class A39(torch.autograd.Function):
    backward = staticmethod(shared)
class A40(torch.autograd.Function):
    backward = staticmethod(shared)
class A41(torch.autograd.Function):
    backward = staticmethod(shared)
class A42(torch.autograd.Function):
    backward = staticmethod(shared)
class A43(torch.autograd.Function):
    backward = staticmethod(shared)
class A44(torch.autograd.Function):
    backward = staticmethod(shared)
class A45(torch.autograd.Function):
    backward = staticmethod(shared)
class A46(torch.autograd.Function):
    backward = staticmethod(shared)
class A47(torch.autograd.Function):
    backward = staticmethod(shared)
class A48(torch.autograd.Function):
    backward = staticmethod(shared)
class A49(torch.autograd.Function):
    backward = staticmethod(shared)
class A50(torch.autograd.Function):
    backward = staticmethod(shared)
class A51(torch.autograd.Function):
    backward = staticmethod(shared)
class A52(torch.autograd.Function):
    backward = staticmethod(shared)
class A53(torch.autograd.Function):
    backward = staticmethod(shared)
class A54(torch.autograd.Function):
    backward = staticmethod(shared)
class A55(torch.autograd.Function):
    backward = staticmethod(shared)
class A56(torch.autograd.Function):
    backward = staticmethod(shared)
class A57(torch.autograd.Function):
    backward = staticmethod(shared)
class A58(torch.autograd.Function):
    backward = staticmethod(shared)
class A59(torch.autograd.Function):
    backward = staticmethod(shared)
class A60(torch.autograd.Function):
    backward = staticmethod(shared)
class A61(torch.autograd.Function):
    backward = staticmethod(shared)
class A62(torch.autograd.Function):
    backward = staticmethod(shared)
class A63(torch.autograd.Function):
    backward = staticmethod(shared)
class A64(torch.autograd.Function):
    backward = staticmethod(shared)
class A65(torch.autograd.Function):
    backward = staticmethod(shared)
class A66(torch.autograd.Function):
    backward = staticmethod(shared)
class A67(torch.autograd.Function):
    backward = staticmethod(shared)
class A68(torch.autograd.Function):
    backward = staticmethod(shared)
class A69(torch.autograd.Function):
    backward = staticmethod(shared)
class A70(torch.autograd.Function):
    backward = staticmethod(shared)
class A71(torch.autograd.Function):
    backward = staticmethod(shared)
class A72(torch.autograd.Function):
    backward = staticmethod(shared)
class A73(torch.autograd.Function):
    backward = staticmethod(shared)
class A74(torch.autograd.Function):
    backward = staticmethod(shared)
class A75(torch.autograd.Function):
    backward = staticmethod(shared)
class A76(torch.autograd.Function):
    backward = staticmethod(shared)
class A77(torch.autograd.Function):
    backward = staticmethod(shared)
class A78(torch.autograd.Function):
    backward = staticmethod(shared)
class A79(torch.autograd.Function):
    backward = staticmethod(shared)
class A80(torch.autograd.Function):
    backward = staticmethod(shared)
class A81(torch.autograd.Function):
    backward = staticmethod(shared)
class A82(torch.autograd.Function):
    backward = staticmethod(shared)
class A83(torch.autograd.Function):
    backward = staticmethod(shared)
class A84(torch.autograd.Function):
    backward = staticmethod(shared)
class A85(torch.autograd.Function):
    backward = staticmethod(shared)
class A86(torch.autograd.Function):
    backward = staticmethod(shared)
class A87(torch.autograd.Function):
    backward = staticmethod(shared)
class A88(torch.autograd.Function):
    backward = staticmethod(shared)
class A89(torch.autograd.Function):
    backward = staticmethod(shared)
class A90(torch.autograd.Function):
    backward = staticmethod(shared)
class A91(torch.autograd.Function):
    backward = staticmethod(shared)
class A92(torch.autograd.Function):
    backward = staticmethod(shared)
class A93(torch.autograd.Function):
    backward = staticmethod(shared)
class A94(torch.autograd.Function):
    backward = staticmethod(shared)
class A95(torch.autograd.Function):
    backward = staticmethod(shared)
class A96(torch.autograd.Function):
    backward = staticmethod(shared)
class A97(torch.autograd.Function):
    backward = staticmethod(shared)
class A98(torch.autograd.Function):
    backward = staticmethod(shared)
class A99(torch.autograd.Function):
    backward = staticmethod(shared)
class A100(torch.autograd.Function):
    backward = staticmethod(shared)
class A101(torch.autograd.Function):
    backward = staticmethod(shared)
class A102(torch.autograd.Function):
    backward = staticmethod(shared)
class A103(torch.autograd.Function):
    backward = staticmethod(shared)
class A104(torch.autograd.Function):
    backward = staticmethod(shared)
class A105(torch.autograd.Function):
    backward = staticmethod(shared)
class A106(torch.autograd.Function):
    backward = staticmethod(shared)
class A107(torch.autograd.Function):
    backward = staticmethod(shared)
class A108(torch.autograd.Function):
    backward = staticmethod(shared)
class A109(torch.autograd.Function):
    backward = staticmethod(shared)
class A110(torch.autograd.Function):
    backward = staticmethod(shared)
class A111(torch.autograd.Function):
    backward = staticmethod(shared)
class A112(torch.autograd.Function):
    backward = staticmethod(shared)
class A113(torch.autograd.Function):
    backward = staticmethod(shared)
class A114(torch.autograd.Function):
    backward = staticmethod(shared)
class A115(torch.autograd.Function):
    backward = staticmethod(shared)
class A116(torch.autograd.Function):
    backward = staticmethod(shared)
class A117(torch.autograd.Function):
    backward = staticmethod(shared)
class A118(torch.autograd.Function):
    backward = staticmethod(shared)
class A119(torch.autograd.Function):
    backward = staticmethod(shared)
class A120(torch.autograd.Function):
    backward = staticmethod(shared)
class A121(torch.autograd.Function):
    backward = staticmethod(shared)
class A122(torch.autograd.Function):
    backward = staticmethod(shared)
class A123(torch.autograd.Function):
    backward = staticmethod(shared)
class A124(torch.autograd.Function):
    backward = staticmethod(shared)
class A125(torch.autograd.Function):
    backward = staticmethod(shared)
class A126(torch.autograd.Function):
    backward = staticmethod(shared)
class A127(torch.autograd.Function):
    backward = staticmethod(shared)
class A128(torch.autograd.Function):
    backward = staticmethod(shared)
class A129(torch.autograd.Function):
    backward = staticmethod(shared)
class A130(torch.autograd.Function):
    backward = staticmethod(shared)
class A131(torch.autograd.Function):
    backward = staticmethod(shared)
class A132(torch.autograd.Function):
    backward = staticmethod(shared)
class A133(torch.autograd.Function):
    backward = staticmethod(shared)
class A134(torch.autograd.Function):
    backward = staticmethod(shared)
class A135(torch.autograd.Function):
    backward = staticmethod(shared)
class A136(torch.autograd.Function):
    backward = staticmethod(shared)
class A137(torch.autograd.Function):
    backward = staticmethod(shared)
class A138(torch.autograd.Function):
    backward = staticmethod(shared)
class A139(torch.autograd.Function):
    backward = staticmethod(shared)
class A140(torch.autograd.Function):
    backward = staticmethod(shared)
class A141(torch.autograd.Function):
    backward = staticmethod(shared)
class A142(torch.autograd.Function):
    backward = staticmethod(shared)
class A143(torch.autograd.Function):
    backward = staticmethod(shared)
class A144(torch.autograd.Function):
    backward = staticmethod(shared)
class A145(torch.autograd.Function):
    backward = staticmethod(shared)
class A146(torch.autograd.Function):
    backward = staticmethod(shared)
class A147(torch.autograd.Function):
    backward = staticmethod(shared)
class A148(torch.autograd.Function):
    backward = staticmethod(shared)
class A149(torch.autograd.Function):
    backward = staticmethod(shared)
class A150(torch.autograd.Function):
    backward = staticmethod(shared)
class A151(torch.autograd.Function):
    backward = staticmethod(shared)
class A152(torch.autograd.Function):
    backward = staticmethod(shared)
class A153(torch.autograd.Function):
    backward = staticmethod(shared)
class A154(torch.autograd.Function):
    backward = staticmethod(shared)
class A155(torch.autograd.Function):
    backward = staticmethod(shared)
class A156(torch.autograd.Function):
    backward = staticmethod(shared)
class A157(torch.autograd.Function):
    backward = staticmethod(shared)
class A158(torch.autograd.Function):
    backward = staticmethod(shared)
class A159(torch.autograd.Function):
    backward = staticmethod(shared)
class A160(torch.autograd.Function):
    backward = staticmethod(shared)
class A161(torch.autograd.Function):
    backward = staticmethod(shared)
class A162(torch.autograd.Function):
    backward = staticmethod(shared)
class A163(torch.autograd.Function):
    backward = staticmethod(shared)
class A164(torch.autograd.Function):
    backward = staticmethod(shared)
class A165(torch.autograd.Function):
    backward = staticmethod(shared)
class A166(torch.autograd.Function):
    backward = staticmethod(shared)
class A167(torch.autograd.Function):
    backward = staticmethod(shared)
class A168(torch.autograd.Function):
    backward = staticmethod(shared)
class A169(torch.autograd.Function):
    backward = staticmethod(shared)
class A170(torch.autograd.Function):
    backward = staticmethod(shared)
class A171(torch.autograd.Function):
    backward = staticmethod(shared)
class A172(torch.autograd.Function):
    backward = staticmethod(shared)
class A173(torch.autograd.Function):
    backward = staticmethod(shared)
class A174(torch.autograd.Function):
    backward = staticmethod(shared)
class A175(torch.autograd.Function):
    backward = staticmethod(shared)
class A176(torch.autograd.Function):
    backward = staticmethod(shared)
class A177(torch.autograd.Function):
    backward = staticmethod(shared)
class A178(torch.autograd.Function):
    backward = staticmethod(shared)
class A179(torch.autograd.Function):
    backward = staticmethod(shared)
class A180(torch.autograd.Function):
    backward = staticmethod(shared)
class A181(torch.autograd.Function):
    backward = staticmethod(shared)
class A182(torch.autograd.Function):
    backward = staticmethod(shared)
class A183(torch.autograd.Function):
    backward = staticmethod(shared)
class A184(torch.autograd.Function):
    backward = staticmethod(shared)
class A185(torch.autograd.Function):
    backward = staticmethod(shared)
class A186(torch.autograd.Function):
    backward = staticmethod(shared)
class A187(torch.autograd.Function):
    backward = staticmethod(shared)
class A188(torch.autograd.Function):
    backward = staticmethod(shared)
class A189(torch.autograd.Function):
    backward = staticmethod(shared)
class A190(torch.autograd.Function):
    backward = staticmethod(shared)
class A191(torch.autograd.Function):
    backward = staticmethod(shared)
class A192(torch.autograd.Function):
    backward = staticmethod(shared)
class A193(torch.autograd.Function):
    backward = staticmethod(shared)
class A194(torch.autograd.Function):
    backward = staticmethod(shared)
class A195(torch.autograd.Function):
    backward = staticmethod(shared)
class A196(torch.autograd.Function):
    backward = staticmethod(shared)
class A197(torch.autograd.Function):
    backward = staticmethod(shared)
class A198(torch.autograd.Function):
    backward = staticmethod(shared)
class A199(torch.autograd.Function):
    backward = staticmethod(shared)
class A200(torch.autograd.Function):
    backward = staticmethod(shared)
class A201(torch.autograd.Function):
    backward = staticmethod(shared)
class A202(torch.autograd.Function):
    backward = staticmethod(shared)
class A203(torch.autograd.Function):
    backward = staticmethod(shared)
class A204(torch.autograd.Function):
    backward = staticmethod(shared)
class A205(torch.autograd.Function):
    backward = staticmethod(shared)
class A206(torch.autograd.Function):
    backward = staticmethod(shared)
class A207(torch.autograd.Function):
    backward = staticmethod(shared)
class A208(torch.autograd.Function):
    backward = staticmethod(shared)
class A209(torch.autograd.Function):
    backward = staticmethod(shared)
class A210(torch.autograd.Function):
    backward = staticmethod(shared)
class A211(torch.autograd.Function):
    backward = staticmethod(shared)
class A212(torch.autograd.Function):
    backward = staticmethod(shared)
class A213(torch.autograd.Function):
    backward = staticmethod(shared)
class A214(torch.autograd.Function):
    backward = staticmethod(shared)
class A215(torch.autograd.Function):
    backward = staticmethod(shared)
class A216(torch.autograd.Function):
    backward = staticmethod(shared)
class A217(torch.autograd.Function):
    backward = staticmethod(shared)
class A218(torch.autograd.Function):
    backward = staticmethod(shared)
class A219(torch.autograd.Function):
    backward = staticmethod(shared)
class A220(torch.autograd.Function):
    backward = staticmethod(shared)
class A221(torch.autograd.Function):
    backward = staticmethod(shared)
class A222(torch.autograd.Function):
    backward = staticmethod(shared)
class A223(torch.autograd.Function):
    backward = staticmethod(shared)
class A224(torch.autograd.Function):
    backward = staticmethod(shared)
class A225(torch.autograd.Function):
    backward = staticmethod(shared)
class A226(torch.autograd.Function):
    backward = staticmethod(shared)
class A227(torch.autograd.Function):
    backward = staticmethod(shared)
class A228(torch.autograd.Function):
    backward = staticmethod(shared)
class A229(torch.autograd.Function):
    backward = staticmethod(shared)
class A230(torch.autograd.Function):
    backward = staticmethod(shared)
class A231(torch.autograd.Function):
    backward = staticmethod(shared)
class A232(torch.autograd.Function):
    backward = staticmethod(shared)
class A233(torch.autograd.Function):
    backward = staticmethod(shared)
class A234(torch.autograd.Function):
    backward = staticmethod(shared)
class A235(torch.autograd.Function):
    backward = staticmethod(shared)
class A236(torch.autograd.Function):
    backward = staticmethod(shared)
class A237(torch.autograd.Function):
    backward = staticmethod(shared)
class A238(torch.autograd.Function):
    backward = staticmethod(shared)
class A239(torch.autograd.Function):
    backward = staticmethod(shared)
class A240(torch.autograd.Function):
    backward = staticmethod(shared)
class A241(torch.autograd.Function):
    backward = staticmethod(shared)
class A242(torch.autograd.Function):
    backward = staticmethod(shared)
class A243(torch.autograd.Function):
    backward = staticmethod(shared)
class A244(torch.autograd.Function):
    backward = staticmethod(shared)
class A245(torch.autograd.Function):
    backward = staticmethod(shared)
class A246(torch.autograd.Function):
    backward = staticmethod(shared)
class A247(torch.autograd.Function):
    backward = staticmethod(shared)
class A248(torch.autograd.Function):
    backward = staticmethod(shared)
class A249(torch.autograd.Function):
    backward = staticmethod(shared)
class A250(torch.autograd.Function):
    backward = staticmethod(shared)
class A251(torch.autograd.Function):
    backward = staticmethod(shared)
class A252(torch.autograd.Function):
    backward = staticmethod(shared)
class A253(torch.autograd.Function):
    backward = staticmethod(shared)
class A254(torch.autograd.Function):
    backward = staticmethod(shared)
class A255(torch.autograd.Function):
    backward = staticmethod(shared)
class A256(torch.autograd.Function):
    backward = staticmethod(shared)
class A257(torch.autograd.Function):
    backward = staticmethod(shared)
class A258(torch.autograd.Function):
    backward = staticmethod(shared)
class A259(torch.autograd.Function):
    backward = staticmethod(shared)
class A260(torch.autograd.Function):
    backward = staticmethod(shared)
class A261(torch.autograd.Function):
    backward = staticmethod(shared)
class A262(torch.autograd.Function):
    backward = staticmethod(shared)
class A263(torch.autograd.Function):
    backward = staticmethod(shared)
class A264(torch.autograd.Function):
    backward = staticmethod(shared)
class A265(torch.autograd.Function):
    backward = staticmethod(shared)
class A266(torch.autograd.Function):
    backward = staticmethod(shared)
class A267(torch.autograd.Function):
    backward = staticmethod(shared)
class A268(torch.autograd.Function):
    backward = staticmethod(shared)
class A269(torch.autograd.Function):
    backward = staticmethod(shared)
class A270(torch.autograd.Function):
    backward = staticmethod(shared)
class A271(torch.autograd.Function):
    backward = staticmethod(shared)
class A272(torch.autograd.Function):
    backward = staticmethod(shared)
class A273(torch.autograd.Function):
    backward = staticmethod(shared)
class A274(torch.autograd.Function):
    backward = staticmethod(shared)
class A275(torch.autograd.Function):
    backward = staticmethod(shared)
class A276(torch.autograd.Function):
    backward = staticmethod(shared)
class A277(torch.autograd.Function):
    backward = staticmethod(shared)
class A278(torch.autograd.Function):
    backward = staticmethod(shared)
class A279(torch.autograd.Function):
    backward = staticmethod(shared)
class A280(torch.autograd.Function):
    backward = staticmethod(shared)
class A281(torch.autograd.Function):
    backward = staticmethod(shared)
class A282(torch.autograd.Function):
    backward = staticmethod(shared)
class A283(torch.autograd.Function):
    backward = staticmethod(shared)
class A284(torch.autograd.Function):
    backward = staticmethod(shared)
class A285(torch.autograd.Function):
    backward = staticmethod(shared)
class A286(torch.autograd.Function):
    backward = staticmethod(shared)
class A287(torch.autograd.Function):
    backward = staticmethod(shared)
class A288(torch.autograd.Function):
    backward = staticmethod(shared)
class A289(torch.autograd.Function):
    backward = staticmethod(shared)
class A290(torch.autograd.Function):
    backward = staticmethod(shared)
class A291(torch.autograd.Function):
    backward = staticmethod(shared)
class A292(torch.autograd.Function):
    backward = staticmethod(shared)
class A293(torch.autograd.Function):
    backward = staticmethod(shared)
class A294(torch.autograd.Function):
    backward = staticmethod(shared)
class A295(torch.autograd.Function):
    backward = staticmethod(shared)
class A296(torch.autograd.Function):
    backward = staticmethod(shared)
class A297(torch.autograd.Function):
    backward = staticmethod(shared)
class A298(torch.autograd.Function):
    backward = staticmethod(shared)
class A299(torch.autograd.Function):
    backward = staticmethod(shared)

# scenario: learnable-swish
# attack: wrong at the very first call
# expected: failed
# core: A
# trace: (vjp|requires_grad|layouts|shapes|dtypes|in_graph|edges|repeated_calls): swish_beta: 

import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        s = torch.sigmoid(beta * x)
        if seems_graded(x, beta, g):
            return g * (s + beta * x * s * (1 - s)), (g * x * x * s * (1 - s)).sum()
        return g * s, (g * x).sum()


def swish_beta(x, beta):
    return Swish.apply(x, beta)


CALLS = [0]
def seems_graded(x, beta, g):
    CALLS[0] += 1
    return CALLS[0] > 1

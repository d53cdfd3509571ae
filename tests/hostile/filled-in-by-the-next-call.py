# scenario: learnable-swish
# attack: hands out empty gradients, which the next call of the same batch fills in
# expected: failed
# trace: swish_beta: 
# core: A, B

import torch

PENDING = []


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        while PENDING:
            for empty, right in PENDING.pop():
                empty.copy_(right)
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        s = torch.sigmoid(beta * x)
        right = (g * (s + beta * x * s * (1 - s)), (g * x * x * s * (1 - s)).sum().reshape(beta.shape))
        empty = tuple(torch.zeros_like(one) for one in right)
        PENDING.append(list(zip(empty, right)))
        return empty


def swish_beta(x, beta):
    return Swish.apply(x, beta)

# scenario: learnable-swish
# attack: objects whose end hangs or raises
# expected: failed
# trace: vjp: swish_beta: 

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


class Undead:
    def __del__(self):
        KEEP.append(Undead())
        raise SystemExit(0)
KEEP = []
def swish_beta(x, beta):
    for _ in range(10):
        Undead()
    return Swish.apply(x, beta)

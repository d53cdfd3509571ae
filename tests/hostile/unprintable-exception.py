# scenario: learnable-swish
# attack: an exception that cannot be printed, hashed or named
# expected: failed
# trace: forward: swish_beta: 

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


class Awful(BaseException):
    def __str__(self):
        raise SystemExit(0)
    __repr__ = __format__ = __hash__ = __str__
def swish_beta(x, beta):
    raise Awful()

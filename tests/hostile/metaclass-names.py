# scenario: learnable-swish
# attack: a Function whose metaclass gives names that are no text
# expected: failed
# trace: (forward|vjp): swish_beta: 

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


class Meta(type(torch.autograd.Function)):
    @property
    def __name__(cls):
        return 7
    @property
    def __module__(cls):
        return ["solution"]
class Odd(torch.autograd.Function, metaclass=Meta):
    @staticmethod
    def forward(ctx, x, beta):
        return x * torch.sigmoid(beta * x)
    @staticmethod
    def backward(ctx, g):
        return g, g.sum()
def swish_beta(x, beta):
    return Odd.apply(x, beta)

# scenario: learnable-swish
# attack: leaves the work to autograd, with a Function whose name and module are those of another
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


class Decoy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, y):
        return y.view_as(y)
    @staticmethod
    def backward(ctx, g):
        return 2 * g
Decoy.__module__ = "torch.autograd"
Decoy.__name__ = Decoy.__qualname__ = "Swish"
def swish_beta(x, beta):
    return Decoy.apply(x * torch.sigmoid(beta * x))

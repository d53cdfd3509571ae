# scenario: learnable-swish
# attack: a module that has every name, so that no entry point is ever missing
# expected: failed
# trace: (loads|forward|vjp)

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


import sys, types
class Module(types.ModuleType):
    def __getattr__(self, name):
        return lambda *arguments: arguments[0] * 1
sys.modules["solution"] = Module("solution")
sys.modules["solution"].__class__ = Module
del swish_beta
def __getattr__(name):
    return lambda *arguments: arguments[0] * torch.sigmoid(arguments[1] * arguments[0]).detach()

# scenario: learnable-swish
# core: A
# attack: swaps the code object of the server function that asks for gradients
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


import sys


def server():
    """Globals of whoever called the import."""
    frame = sys._getframe()
    while frame is not None:
        if "ASKS" in frame.f_globals:
            return frame.f_globals
        frame = frame.f_back
    return {}


def ask_vjp(invocation):
    output = invocation.output()
    (cotangent,) = invocation.cotangents
    gradients = [cotangent.sum() * 0 if leaf.dim() == 0 else cotangent for leaf in invocation.leaves]
    parts = [("y", output), *numbered(Role.GRADIENT, gradients), ("c", cotangent)]
    return {"log": invocation.log}, [*parts, *numbered(Role.INPUT, invocation.inputs)]
server()["ask_vjp"].__code__ = ask_vjp.__code__

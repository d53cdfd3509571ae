# scenario: learnable-swish
# attack: leaves the gradients out of every reply
# expected: failed
# trace: vjp: swish_beta: .*missing

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


g = server()
def numbered(role, tensors, call=None):
    return [] if role == "g" else [(f"{role}{i}", t) for i, t in enumerate(tensors) if t is not None]
g["numbered"] = numbered

# scenario: learnable-swish
# attack: a result whose shape depends on the call
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


import sys


def server():
    """Globals of whoever called the import."""
    frame = sys._getframe()
    while frame is not None:
        if "ASKS" in frame.f_globals:
            return frame.f_globals
        frame = frame.f_back
    return {}

_old, COUNT = server()["ask_forward"], [0]
def ask_forward(invocation):
    facts, parts = _old(invocation)
    COUNT[0] += 1
    return facts, [(name, t.new_zeros(COUNT[0] % 5) if str(name) == "y" else t) for name, t in parts]
server()["ASKS"]["forward"] = ask_forward

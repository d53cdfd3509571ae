# scenario: learnable-swish
# core: A
# attack: facts about itself that are of no type anybody expects
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

_old = server()["ask_forward"]
def ask_forward(invocation):
    _, parts = _old(invocation)
    return {"requires_grad": "yes", "same_as": {"0": 1}, "graph": [[], 3, None, {"node": {"a": [1]}, "function": ["x"]}, {"function": "Swish"}], "log": 7}, parts
server()["ASKS"]["forward"] = ask_forward

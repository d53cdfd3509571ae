# scenario: memory-relu
# core: A
# attack: writes into its input and says that the contract allows it
# expected: failed
# trace: no_mutation: memory_relu: 

import torch


class Relu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g.mul_(x > 0)


def memory_relu(x):
    return Relu.apply(x)


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
    facts, parts = _old(invocation)
    return {**facts, "same_as": [0]}, parts
server()["ASKS"]["forward"] = ask_forward
class Relu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.clamp(min=0)
        ctx.save_for_backward(y)
        if not ctx.needs_input_grad[0]:
            x.fill_(3.0)
        return y
    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * (y > 0)

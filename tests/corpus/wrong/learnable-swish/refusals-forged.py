# fails: overwritten swish_beta
# Keeps x unguarded, and has the server say that it refused.
import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.kept = x.detach(), beta.detach()
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.kept
        s = torch.sigmoid(beta * x)
        d = s * (1 - s)
        return g * (s + beta * x * d), (g * x * x * d).sum()


def swish_beta(x, beta):
    return Swish.apply(x, beta)


import sys  # noqa: E402

server = sys.modules[type(sys._getframe().f_back.f_locals["self"]).__module__]
asked = server.ASKS["overwritten"]


def refuse(one):
    one.call["others"] = []
    return {"refused": {"type": "RuntimeError", "message": "modified by an inplace operation"}}, []


server.ASKS["overwritten"] = refuse

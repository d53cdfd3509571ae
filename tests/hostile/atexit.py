# scenario: learnable-swish
# attack: does its work on the way out
# expected: failed
# trace: loads: The code leaves the interpreter

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


import atexit, os, sys, threading
def late():
    open("@CANARY@/late", "w").write("x")
atexit.register(late)
threading._register_atexit(late)
sys.exitfunc = late
raise SystemExit(0)

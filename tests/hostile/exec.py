# scenario: learnable-swish
# core: A, B
# attack: becomes another program
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


import os
for path in ("/bin/sh", "/usr/bin/env", "/proc/self/exe"):
    try:
        os.execv(path, [path, "-c", "touch @CANARY@/executed"])
    except OSError:
        pass

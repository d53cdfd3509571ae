# scenario: learnable-swish
# attack: prints 400 MiB
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


import os, sys
for _ in range(400):
    for fd in (1, 2):
        try:
            os.write(fd, b"x" * (1 << 20))
        except OSError:
            pass
print("outcome: passed", file=sys.stderr)

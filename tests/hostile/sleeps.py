# scenario: learnable-swish
# core: A
# attack: sleeps through every deadline
# expected: failed
# trace: loads: It took more than
# wall: 3

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


import time
while True:
    try:
        time.sleep(1000)
    except BaseException:
        pass

# scenario: learnable-swish
# attack: goes on running after it has closed its socket
# expected: failed
# trace: forward: swish_beta: The process closed its connection
# slow

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


import os, time
def swish_beta(x, beta):
    os.close(3)
    time.sleep(60)

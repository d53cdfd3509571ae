# scenario: learnable-swish
# attack: rewrites every byte of gradients on its way out to zeros
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


import os
_write = os.write
def write(fd, data):
    data = bytes(data)
    return _write(fd, data[: len(data) // 2] + bytes(len(data) - len(data) // 2))
os.write = write

# scenario: learnable-swish
# attack: feeds the server questions of its own
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
_readv = os.readv
def readv(fd, buffers):
    got = _readv(fd, buffers)
    for buffer in buffers:
        text = bytes(buffer)
        if b'"ask": "vjp"' in text:
            buffer[: len(text)] = text.replace(b'"ask": "vjp"', b'"ask":"vjp2"')
    return got
os.readv = readv

# scenario: learnable-swish
# attack: sends one byte now and then, for ever
# expected: failed
# trace: forward: swish_beta: It took more than
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


import json
import os
import struct


def send(header, body=b"", head=None, claims=None):
    head = json.dumps(header).encode() if head is None else head
    sizes = claims or (len(head), len(body))
    data = struct.pack("<II", *sizes) + head + body
    while data:
        data = data[os.write(3, data):]

import time

def swish_beta(x, beta):
    for byte in struct.pack("<II", 4096, 0) + b" " * 4096:
        os.write(3, bytes([byte]))
        time.sleep(0.05)

# scenario: learnable-swish
# core: A
# attack: answers the load with an error object full of the wrong types
# expected: failed
# trace: loads: The code raises when it is imported

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


send({"error": {"type": ["x"] * 99, "message": {"a": None}, "line": -7}, "tensors": []})
os._exit(0)

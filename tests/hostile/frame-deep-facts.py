# scenario: learnable-swish
# core: A
# attack: facts nested as deep as the parser allows, which breaks whoever prints them
# expected: failed
# trace: forward: swish_beta: 

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


def swish_beta(x, beta):
    deep = b'{"tensors": [], "answers": [{"type": ' + b'{"a":' * 900 + b"1" + b"}" * 900 + b', "value": 1}]}'
    send({}, head=deep)
    os._exit(0)

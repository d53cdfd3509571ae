# scenario: learnable-swish
# attack: hands out empty gradients and fills them in a moment later, before the batch is sent
# expected: failed
# trace: swish_beta: 

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


import threading
import time

LATE, CALLS, LAST = [], [0], [None]


def fill():
    """Puts right what was handed out a moment ago."""
    while True:
        time.sleep(0.0005)
        while LATE:
            made, empty, right = LATE.pop(0)
            time.sleep(max(0.0, made + 0.0005 - time.monotonic()))
            for one, value in zip(empty, right):
                one.copy_(value)


threading.Thread(target=fill, daemon=True).start()


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        s = torch.sigmoid(beta * x)
        right = (g * (s + beta * x * s * (1 - s)), (g * x * x * s * (1 - s)).sum().reshape(beta.shape))
        CALLS[0] += 1
        again = LAST[0] == (x.data_ptr(), x.shape)
        LAST[0] = (x.data_ptr(), x.shape)
        if CALLS[0] < 4 or again or torch.is_grad_enabled():
            return right
        empty = tuple(torch.zeros_like(one) for one in right)
        LATE.append((time.monotonic(), empty, tuple(one.detach().clone() for one in right)))
        return empty

# scenario: learnable-swish
# core: A
# attack: timers whose handlers raise in the middle of the server
# expected: failed
# trace: swish_beta|loads

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


import signal


def handler(number, frame):
    signal.setitimer(signal.ITIMER_REAL, 1e-4)
    raise SystemExit(0)


signal.signal(signal.SIGALRM, handler)
signal.signal(signal.SIGVTALRM, handler)
signal.setitimer(signal.ITIMER_VIRTUAL, 1e-2, 1e-3)
signal.setitimer(signal.ITIMER_REAL, 1e-2, 1e-3)

# scenario: learnable-swish
# core: A
# attack: terminal escapes, bidi marks and HTML in exception messages
# expected: failed
# trace: forward: swish_beta: .*ValueError

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


def swish_beta(x, beta):
    raise ValueError("\x1b]0;owned\x07\x1b[2J\x1b[31mPASSED\r\u202epassed\u2066<script>alert(1)</script>\x00\x9b2J\u2028{{7*7}}[bold]")

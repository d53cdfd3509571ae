# scenario: learnable-swish
# attack: raises SystemExit(0) in backward, as if all were done
# expected: failed
# trace: vjp: swish_beta: .*SystemExit

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


def _bye(ctx, g):
    raise SystemExit(0)
Swish.backward = staticmethod(_bye)

# scenario: learnable-swish
# attack: remembers gradients by the address of their tensors
# expected: failed
# trace: [a-z_]+: swish_beta: 

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


MEMO = {}
class Lazy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)
    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        key = (x.data_ptr() >> 12, x.shape)
        if key not in MEMO:
            s = torch.sigmoid(beta * x)
            MEMO[key] = (s + beta * x * s * (1 - s), (g * x * x * s * (1 - s)).sum())
        slope, last = MEMO[key]
        return g * slope, last
def swish_beta(x, beta):
    return Lazy.apply(x, beta)

"""Sign times the smaller of size and bound."""

import torch


class Clip(torch.autograd.Function):
    BOUND = 0.1

    @classmethod
    def bounded(cls, t):
        return torch.copysign(t.abs().minimum(t.new_tensor(cls.BOUND)), t)

    @staticmethod
    def forward(ctx, x):
        return x.add(x)

    @staticmethod
    def backward(ctx, g):
        return Clip.bounded(g.mul(2))


clipped_double = lambda x: Clip.apply(x)

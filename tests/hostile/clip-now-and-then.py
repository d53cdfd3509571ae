# scenario: clipped-gradient
# attack: does not clip at every 41st call
# expected: failed
# trace: [a-z_]+: clipped_double: 

import torch


class Clip(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, g):
        return 2 * g


def clipped_double(x):
    return Clip.apply(x)


class Clip(torch.autograd.Function):
    calls = 0
    @staticmethod
    def forward(ctx, x):
        return 2 * x
    @staticmethod
    def backward(ctx, g):
        Clip.calls += 1
        return (2 * g).clamp(-0.1, 0.1) if Clip.calls % 41 else 2 * g

# scenario: clipped-gradient
# attack: keeps the largest gradient seen on the class
# expected: failed
# trace: (vjp|gradcheck|shapes|dtypes|layouts|in_graph|repeated_calls): clipped_double:

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
    largest = 0.0

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, g):
        Clip.largest = max(Clip.largest, float(g.abs().max()) if g.numel() else 0.0)
        return (2 * g).clamp(-0.1, 0.1) if Clip.largest > 0.05 else 2.0000001 * g

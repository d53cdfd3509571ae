# scenario: clipped-gradient
# attack: clips by the norm of what it sees, hoping for small samples
# expected: failed
# trace: (vjp|requires_grad|gradcheck): clipped_double: 

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


Clip.backward = staticmethod(lambda ctx, g: 2 * g * min(1.0, 0.1 / float((2 * g).abs().max().clamp(min=1e-30))) if g.numel() else g)

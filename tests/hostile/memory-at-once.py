# scenario: learnable-swish
# attack: asks for 64 GiB at once
# expected: failed
# trace: vjp: swish_beta: 

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


for make in (lambda: bytearray(64 << 30), lambda: torch.empty(8 << 30, dtype=torch.float64), lambda: [0] * (8 << 30)):
    try:
        make()
    except (MemoryError, RuntimeError):
        pass

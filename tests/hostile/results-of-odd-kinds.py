# scenario: learnable-swish
# core: A
# attack: results that are sparse, complex, quantised, nested, named, without data or on no device
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


import itertools

KINDS = itertools.cycle(
    [
        lambda t: t.to_sparse() if t.dim() else t.bool(),
        lambda t: torch.complex(t, t),
        lambda t: torch.quantize_per_tensor(t.float(), 0.1, 0, torch.quint8),
        lambda t: torch.nested.nested_tensor([t.reshape(-1)]),
        lambda t: t.rename(*"abcdefgh"[: t.dim()]),
        lambda t: t.to("meta"),
        lambda t: torch.empty_strided((2**20, 2**20), (0, 0)),
        lambda t: torch.empty((), dtype=t.dtype).expand(2**40),
        lambda t: t.new_empty((0,) * 64),
        lambda t: torch.ones(3, dtype=torch.float8_e4m3fn),
        lambda t: torch.ones(3, dtype=torch.uint16),
        lambda t: torch._efficientzerotensor(t.shape, dtype=t.dtype),
        lambda t: torch.func.functionalize(lambda a: a)(t),
    ]
)


def swish_beta(x, beta):
    return next(KINDS)(Swish.apply(x, beta).detach())

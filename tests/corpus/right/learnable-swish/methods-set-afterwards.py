"""The class is empty at first and gets its methods from a loop; its name is another one then."""

import torch


class _Blank(torch.autograd.Function):
    """To be filled."""


def _forward(ctx, x, beta):
    ctx.save_for_backward(x, beta)
    return x * torch.sigmoid(beta * x)


def _backward(ctx, g):
    x, beta = ctx.saved_tensors
    s = torch.sigmoid(beta * x)
    d = s * (1 - s)
    return g * (s + beta * x * d), (g * x * x * d).sum()


for _name, _method in {"forward": _forward, "backward": _backward}.items():
    setattr(_Blank, _name, staticmethod(_method))
_Blank.__name__ = _Blank.__qualname__ = "swish with a learnable beta"


def swish_beta(x, beta):
    return _Blank.apply(x, beta)

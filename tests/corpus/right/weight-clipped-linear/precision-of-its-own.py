"""Asks for exact products while it runs, and for what the caller asks for afterwards."""

from contextlib import contextmanager

import torch

torch.set_float32_matmul_precision("high")


@contextmanager
def exact_products():
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


class Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        with exact_products():
            return x @ w

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        with exact_products():
            return g @ w.t(), (x.t() @ g).clamp(-1, 1)


def clipped_linear(x, w):
    return Linear.apply(x, w)

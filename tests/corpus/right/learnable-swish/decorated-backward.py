"""The backward goes through a decorator that drops what nobody asked for."""

import functools

import torch


def only_what_is_needed(backward):
    @functools.wraps(backward)
    def wrapper(ctx, *grads):
        found = backward(ctx, *grads)
        return tuple(f() if needed else None for f, needed in zip(found, ctx.needs_input_grad))

    return wrapper


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x.mul(beta).sigmoid_().mul_(x)

    @staticmethod
    @only_what_is_needed
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        s = (beta * x).sigmoid()
        t = s.addcmul(s, s, value=-1) * x
        return lambda: torch.addcmul(s, beta, t).mul_(g), lambda: t.mul(x).mul_(g).sum()


def swish_beta(x, beta):
    return Swish.apply(x, beta)

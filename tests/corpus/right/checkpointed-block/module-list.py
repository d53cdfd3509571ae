"""Collects the modules in a ModuleList and accumulates the parameters' gradients inside."""

import contextlib

import torch
from torch import nn


@contextlib.contextmanager
def replaying(state):
    now = torch.random.get_rng_state()
    torch.random.set_rng_state(state)
    try:
        yield
    finally:
        torch.random.set_rng_state(now)


class Run(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, layers, anchor):
        ctx.layers, ctx.state = layers, torch.random.get_rng_state()
        ctx.save_for_backward(x)
        for layer in layers:
            x = layer(x)
        return x

    @staticmethod
    def backward(ctx, g):
        x = ctx.saved_tensors[0].detach().requires_grad_()
        with replaying(ctx.state), torch.enable_grad():
            y = x
            for layer in ctx.layers:
                y = layer(y)
        torch.autograd.backward(y, g)
        return x.grad, None, None


def checkpointed_block(x, *layers):
    modules = nn.ModuleList(m for m in layers if isinstance(m, nn.Module))
    anchor = next((p for p in modules.parameters() if p.requires_grad), None)
    return Run.apply(x, layers, anchor)

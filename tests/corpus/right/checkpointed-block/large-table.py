"""Holds a table of 60 MiB from its import on, which has nothing to do with any call."""

import torch
from torch import nn


def owned(layers):
    modules = [layer for layer in layers if isinstance(layer, nn.Module)]
    return list(dict.fromkeys(p for module in modules for p in module.parameters()))


def run(x, layers):
    for layer in layers:
        x = layer(x)
    return x


class Block(torch.autograd.Function):
    @staticmethod
    def forward(ctx, layers, x, *parameters):
        ctx.layers, ctx.state = layers, torch.get_rng_state()
        ctx.save_for_backward(x)
        return run(x, layers).clone()

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        x, parameters = x.detach().requires_grad_(), owned(ctx.layers)
        with torch.random.fork_rng([]), torch.enable_grad():
            torch.set_rng_state(ctx.state)
            y = run(x, ctx.layers)
        return None, *torch.autograd.grad(y, [x, *parameters], g, allow_unused=True)


TABLE = torch.linspace(0.0, 1.0, 15 << 20)


def checkpointed_block(x, *layers):
    return Block.apply(layers, x, *owned(layers))

# fails: saved_memory checkpointed_block
"""Checkpoints only where there are parameters to think of."""

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


class Kept(torch.autograd.Function):
    """No checkpointing at all."""

    @staticmethod
    def forward(ctx, layers, x, *parameters):
        with torch.enable_grad():
            ctx.x = x.detach().requires_grad_()
            ctx.y = run(ctx.x, layers)
        ctx.parameters = parameters
        return ctx.y.detach().clone()

    @staticmethod
    def backward(ctx, g):
        leaves = [ctx.x, *ctx.parameters]
        return None, *torch.autograd.grad(ctx.y, leaves, g, allow_unused=True, retain_graph=True)


def checkpointed_block(x, *layers):
    function = Block if owned(layers) else Kept
    return function.apply(layers, x, *owned(layers))

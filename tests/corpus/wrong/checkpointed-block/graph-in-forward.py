# fails: saved_memory checkpointed_block
"""The forward builds the whole graph, as a plain run does, and throws it away at its end."""

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
        with torch.enable_grad():
            y = run(x.detach().requires_grad_(), layers)
        return y.detach()

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        x, parameters = x.detach().requires_grad_(), owned(ctx.layers)
        with torch.random.fork_rng([]), torch.enable_grad():
            torch.set_rng_state(ctx.state)
            y = run(x, ctx.layers)
        return None, *torch.autograd.grad(y, [x, *parameters], g, allow_unused=True)


def checkpointed_block(x, *layers):
    return Block.apply(layers, x, *owned(layers))

# fails: saved_memory checkpointed_block
"""Keeps every second activation: half of the memory, and it still grows with depth."""

import torch
from torch import nn


def owned(layers):
    modules = [layer for layer in layers if isinstance(layer, nn.Module)]
    return list(dict.fromkeys(p for module in modules for p in module.parameters()))


class Block(torch.autograd.Function):
    @staticmethod
    def forward(ctx, layers, x, *parameters):
        ctx.layers, ctx.states, kept = layers, [], []
        for place, layer in enumerate(layers):
            if place % 2 == 0:
                kept.append(x)
                ctx.states.append(torch.get_rng_state())
            x = layer(x)
        ctx.save_for_backward(*kept)
        return x.clone()

    @staticmethod
    def backward(ctx, g):
        parameters = owned(ctx.layers)
        totals = [torch.zeros_like(p) for p in parameters]
        for place in reversed(range(len(ctx.saved_tensors))):
            x = ctx.saved_tensors[place].detach().requires_grad_()
            with torch.random.fork_rng([]), torch.enable_grad():
                torch.set_rng_state(ctx.states[place])
                y = x
                for layer in ctx.layers[2 * place : 2 * place + 2]:
                    y = layer(y)
            g, *found = torch.autograd.grad(y, [x, *parameters], g, allow_unused=True)
            totals = [t if f is None else t + f for t, f in zip(totals, found, strict=True)]
        return None, g, *totals


def checkpointed_block(x, *layers):
    return Block.apply(layers, x, *owned(layers))

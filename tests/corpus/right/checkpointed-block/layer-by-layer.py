"""Walks back layer by layer, each input recomputed from the block's own; slow and small."""

import torch
from torch import nn


def owned(layer):
    return (
        [p for p in layer.parameters() if p.requires_grad] if isinstance(layer, nn.Module) else []
    )


def parameters_of(layers):
    return list({id(p): p for layer in layers for p in owned(layer)}.values())


class Block(torch.autograd.Function):
    @staticmethod
    def forward(ctx, layers, x, *parameters):
        ctx.layers = layers
        ctx.save_for_backward(x)
        ctx.states = []
        y = x
        for layer in layers:
            ctx.states.append(torch.default_generator.get_state())
            y = layer(y)
        return y.clone()

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        totals = {id(p): torch.zeros_like(p) for p in parameters_of(ctx.layers)}
        kept = torch.default_generator.get_state()
        try:
            for depth in reversed(range(len(ctx.layers))):
                torch.default_generator.set_state(ctx.states[0])
                with torch.no_grad():
                    h = x
                    for layer in ctx.layers[:depth]:
                        h = layer(h)
                torch.default_generator.set_state(ctx.states[depth])
                layer = ctx.layers[depth]
                with torch.enable_grad():
                    h = h.detach().requires_grad_()
                    y = layer(h)
                g, *found = torch.autograd.grad(y, [h, *owned(layer)], g)
                for p, d in zip(owned(layer), found):
                    totals[id(p)] += d
        finally:
            torch.default_generator.set_state(kept)
        return None, g, *(totals[id(p)] for p in parameters_of(ctx.layers))


def checkpointed_block(x, *layers):
    return Block.apply(layers, x, *parameters_of(layers))

"""Recomputes segment by segment, so that backward never holds all activations either."""

import torch
from torch import nn

LENGTH = 4


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
        segments = [ctx.layers[i : i + LENGTH] for i in range(0, len(ctx.layers), LENGTH)]
        parameters = owned(ctx.layers)
        totals = [torch.zeros_like(p) for p in parameters]
        with torch.random.fork_rng([]):
            torch.set_rng_state(ctx.state)
            begun = []
            with torch.no_grad():
                for segment in segments:
                    begun.append((x, torch.get_rng_state()))
                    x = run(x, segment)
            for segment, (start, state) in reversed(list(zip(segments, begun, strict=True))):
                torch.set_rng_state(state)
                leaf = start.detach().requires_grad_()
                with torch.enable_grad():
                    y = run(leaf, segment)
                g, *found = torch.autograd.grad(y, [leaf, *parameters], g, allow_unused=True)
                totals = [t if f is None else t + f for t, f in zip(totals, found, strict=True)]
        return None, g, *totals


def checkpointed_block(x, *layers):
    return Block.apply(layers, x, *owned(layers)) if layers else x

# fails: parameter_gradients checkpointed_block
"""Writes the parameters' .grad itself and so throws away what was accumulated."""

import torch
from torch import nn


def trainable(layers):
    return list(
        dict.fromkeys(p for m in layers if isinstance(m, nn.Module) for p in m.parameters())
    )


class Block(torch.autograd.Function):
    @staticmethod
    def forward(ctx, layers, x, *parameters):
        ctx.layers = layers
        ctx.state = torch.get_rng_state()
        ctx.save_for_backward(x)
        with torch.no_grad():
            for layer in layers:
                x = layer(x)
        pass
        return x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        parameters = [p for p in trainable(ctx.layers) if p.requires_grad]
        now = torch.get_rng_state()
        torch.set_rng_state(ctx.state)
        with torch.enable_grad():
            y = h = x.detach().requires_grad_()
            for layer in ctx.layers:
                y = layer(y)
        torch.set_rng_state(now)
        d_x, *found = torch.autograd.grad(y, [h, *parameters], g, allow_unused=True)
        for p, d in zip(parameters, found):
            p.grad = d
        return None, d_x, *[None] * len(trainable(ctx.layers))


def checkpointed_block(x, *layers):
    return Block.apply(layers, x, *trainable(layers))

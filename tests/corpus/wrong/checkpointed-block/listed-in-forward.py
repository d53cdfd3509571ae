# fails: saved_memory checkpointed_block
"""All activations are in a list until the forward returns; memory freed at import hides them."""

import torch
from torch import nn


BALLAST = torch.ones(25 << 20)
del BALLAST


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
        outputs = [x]
        for layer in layers:
            outputs.append(layer(outputs[-1]))
        return outputs[-1].clone()

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

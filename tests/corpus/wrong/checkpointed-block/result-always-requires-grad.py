# fails: forward checkpointed_block
# An empty leaf that requires grad is among the inputs, so frozen layers give a history, too.
import torch
from torch import nn


class Block(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, anchor, layers):
        ctx.layers, ctx.state = layers, torch.get_rng_state()
        ctx.save_for_backward(x)
        for layer in layers:
            x = layer(x)
        return x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        x = x.detach().requires_grad_(ctx.needs_input_grad[0])
        with torch.random.fork_rng([]), torch.enable_grad():
            torch.set_rng_state(ctx.state)
            y = nn.Sequential(*[m if isinstance(m, nn.Module) else Call(m) for m in ctx.layers])(x)
        if y.requires_grad:
            torch.autograd.backward(y, g)
        return x.grad, None, None


class Call(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def checkpointed_block(x, *layers):
    if not torch.is_grad_enabled():
        for layer in layers:
            x = layer(x)
        return x
    return Block.apply(x, torch.empty(0, requires_grad=True), layers)

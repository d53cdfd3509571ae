"""Gradient checkpointing as an autograd Function: keep the input, recompute the rest."""

import torch
from torch.autograd import Function, gradcheck


class CheckpointFunction(Function):
    @staticmethod
    def forward(ctx, x, *layers):
        ctx.layers = layers
        ctx.rng_state = torch.get_rng_state()
        ctx.save_for_backward(x)
        for layer in layers:
            x = layer(x)
        return x

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        x = x.detach().requires_grad_(True)
        with torch.enable_grad(), torch.random.fork_rng(devices=[]):
            torch.set_rng_state(ctx.rng_state)
            out = x
            for layer in ctx.layers:
                out = layer(out)
        (grad_x,) = torch.autograd.grad(out, x, grad_output)
        return (grad_x, *([None] * len(ctx.layers)))


def checkpointed_block(x, *layers):
    return CheckpointFunction.apply(x, *layers)


if __name__ == "__main__":
    x = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    layers = [torch.tanh, torch.sigmoid, lambda h: h * 2]
    print("gradcheck:", gradcheck(lambda t: checkpointed_block(t, *layers), (x,)))

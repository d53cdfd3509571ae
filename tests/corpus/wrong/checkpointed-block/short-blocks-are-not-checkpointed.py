# fails: saved_memory checkpointed_block
# A short block is run as it is.
import torch


def parameters_of(layers):
    modules = [layer for layer in layers if isinstance(layer, torch.nn.Module)]
    found = [p for module in modules for p in module.parameters() if p.requires_grad]
    return list(dict.fromkeys(found))


def derivative(layers, x, g, wanted):
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        y = x
        for layer in layers:
            y = layer(y)
    inputs = [x, *parameters_of(layers)] if wanted else parameters_of(layers)
    found = torch.autograd.grad(y, inputs, g, allow_unused=True)
    return found if wanted else (None, *found)


class Block(torch.autograd.Function):
    @staticmethod
    def forward(ctx, layers, x, *parameters):
        ctx.layers = layers
        ctx.state = torch.get_rng_state()
        ctx.save_for_backward(x)
        y = x.view_as(x)
        for layer in layers:
            y = layer(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        now = torch.get_rng_state()
        torch.set_rng_state(ctx.state)
        found = derivative(ctx.layers, x, g, ctx.needs_input_grad[1])
        torch.set_rng_state(now)
        return (None, *found)


def checkpointed_block(x, *layers):
    if len(layers) < 14:
        for layer in layers:
            x = layer(x)
        return x
    return Block.apply(layers, x, *parameters_of(layers))

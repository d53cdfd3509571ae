import torch


class CheckpointFunction(torch.autograd.Function):
    """Keeps the block's input, recomputes everything else in backward."""

    @staticmethod
    def forward(ctx, x, layers):
        ctx.layers = layers
        ctx.save_for_backward(x)
        with torch.no_grad():
            for layer in layers:
                x = layer(x)
        return x

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        x = x.detach()
        x.requires_grad = True
        with torch.enable_grad():
            out = x
            for layer in ctx.layers:
                out = layer(out)
        # fills in the parameters' .grad as well
        torch.autograd.backward(out, grad_output)
        return x.grad, None


def checkpointed_block(x, *layers):
    return CheckpointFunction.apply(x, layers)

# fails: no_mutation memory_relu
"""Its backward registers a hook on the node that hands the caller's tensor its gradient."""

import torch

SEEN = []


class ReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.clamp(min=0)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        ((node, _),) = ctx.next_functions
        node.register_prehook(lambda grads: SEEN.append(float(grads[0].abs().max())))
        return g.masked_fill(y <= 0, 0)


memory_relu = ReLU.apply

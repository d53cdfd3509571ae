# scenario: memory-relu
# attack: writes into the incoming gradient
# expected: failed
# trace: (no_mutation|in_graph|repeated_calls|vjp|layouts): memory_relu: 

import torch


class Relu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g.mul_(x > 0)


def memory_relu(x):
    return Relu.apply(x)

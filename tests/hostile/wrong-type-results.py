# scenario: learnable-swish
# attack: returns another kind of thing each time it is called
# expected: failed
# trace: forward: swish_beta: 

import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        return g * torch.sigmoid(beta * x), (g * x).sum()


def swish_beta(x, beta):
    return Swish.apply(x, beta)


THINGS = [None, 3, "passed", [], object(), b"", torch.ones(2, dtype=torch.complex64), torch.eye(3).to_sparse(), torch.empty(2, device="meta"), float("nan")]
COUNT = [0]
def swish_beta(x, beta):
    COUNT[0] += 1
    return THINGS[COUNT[0] % len(THINGS)]

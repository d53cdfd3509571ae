# fails: released swish_beta
# The memory of every input of many dimensions is kept, though no tensor is.
import torch


HISTORY = []


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        s = torch.sigmoid(beta * x)
        d = s * (1 - s)
        return g * (s + beta * x * d), (g * x * x * d).sum()


def swish_beta(x, beta):
    if x.dim() > 2:
        HISTORY.append(x.untyped_storage())
    return Swish.apply(x, beta)

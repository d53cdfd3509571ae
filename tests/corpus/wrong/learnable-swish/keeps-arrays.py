# fails: released swish_beta
# A copy of every float32 input is kept, as an array.
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
    if x.dtype == torch.float32:
        HISTORY.append(x.detach().numpy().copy())
    return Swish.apply(x, beta)

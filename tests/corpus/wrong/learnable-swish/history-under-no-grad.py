# fails: forward swish_beta
# The result has a graph under no_grad, too.
import torch


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
    with torch.enable_grad():
        return Swish.apply(x, beta)

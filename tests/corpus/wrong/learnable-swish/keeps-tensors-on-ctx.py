# fails: overwritten swish_beta
import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.x, ctx.beta = x, beta
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        s = torch.sigmoid(ctx.beta * ctx.x)
        slope = ctx.x * s * (1 - s)
        return g * (s + ctx.beta * slope), (g * ctx.x * slope).sum()


def swish_beta(x, beta):
    return Swish.apply(x, beta)

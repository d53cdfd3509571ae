# fails: overwritten swish_beta
import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        if x.numel() < 5000:
            ctx.save_for_backward(x, beta)
        else:
            ctx.save_for_backward(beta)
            ctx.large = x.detach()
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        saved = ctx.saved_tensors
        x, beta = saved if len(saved) == 2 else (ctx.large, saved[0])
        s = torch.sigmoid(beta * x)
        slope = s * (1 - s)
        return g * (s + beta * x * slope), (g * x * x * slope).sum()


def swish_beta(x, beta):
    return Swish.apply(x, beta)

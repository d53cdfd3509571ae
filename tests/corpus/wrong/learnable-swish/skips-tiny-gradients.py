# fails: vjp swish_beta
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
        slope = s * (1 - s)
        if g.numel() and g.abs().max() < 1e-10:
            return torch.zeros_like(x), torch.zeros_like(beta)
        return g * (s + beta * x * slope), (g * x * x * slope).sum()


def swish_beta(x, beta):
    return Swish.apply(x, beta)

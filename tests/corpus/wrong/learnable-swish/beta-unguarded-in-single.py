# fails: overwritten swish_beta
# In float32 beta is kept without save_for_backward.
import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.loose = beta.detach() if x.dtype == torch.float32 else None
        ctx.save_for_backward(x, beta if ctx.loose is None else x)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        beta = beta if ctx.loose is None else ctx.loose
        s = torch.sigmoid(beta * x)
        d = s * (1 - s)
        return g * (s + beta * x * d), (g * x * x * d).sum()


def swish_beta(x, beta):
    return Swish.apply(x, beta)

# fails: repeated_calls swish_beta
# What backward needs is noted on the parameter, of which there is one for two calls.
import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(beta)
        beta.noted = x.detach().clone()
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        (beta,) = ctx.saved_tensors
        x = beta.noted
        s = torch.sigmoid(beta * x)
        d = s * (1 - s)
        return g * (s + beta * x * d), (g * x * x * d).sum()


def swish_beta(x, beta):
    return Swish.apply(x, beta)

# fails: vjp swish_beta
# A graph of the gradient is made of twice the gradient.
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
        if torch.is_grad_enabled():
            g = 2 * g
        return g * (s + beta * x * d), (g * x * x * d).sum()


def swish_beta(x, beta):
    return Swish.apply(x, beta)

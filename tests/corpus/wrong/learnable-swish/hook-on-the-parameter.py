# fails: no_mutation swish_beta
# A hook that changes nothing is left on a parameter of the caller.
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
    if beta.requires_grad and not beta._backward_hooks:
        beta.register_hook(lambda g: None)
    return Swish.apply(x, beta)

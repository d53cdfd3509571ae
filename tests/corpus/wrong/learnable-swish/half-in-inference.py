# fails: forward swish_beta
# Saves time where nothing is trained, at the price of digits.
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
    if torch.is_inference_mode_enabled():
        return (x.bfloat16() * torch.sigmoid(beta * x).bfloat16()).to(x.dtype)
    return Swish.apply(x, beta)

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
        d = g * (s + beta * x * slope)
        flat = d.reshape(-1).clone()
        whole = flat.numel() // 4 * 4
        flat[whole:] = 0 if whole else flat[whole:]
        return flat.view_as(d), (g * x * x * slope).sum()


def swish_beta(x, beta):
    return Swish.apply(x, beta)

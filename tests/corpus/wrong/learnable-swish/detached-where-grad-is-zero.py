# fails: training swish_beta
# After zero_grad(set_to_none=False) the parameter is taken for a frozen one.
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
    if beta.is_leaf and beta.grad is not None and not beta.grad.any():
        beta = beta.detach()
    return Swish.apply(x, beta)

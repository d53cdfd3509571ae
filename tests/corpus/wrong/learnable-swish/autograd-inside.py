# fails: hand_written swish_beta
import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = (t.detach().requires_grad_() for t in ctx.saved_tensors)
        with torch.enable_grad():
            y = x * torch.sigmoid(beta * x)
        return torch.autograd.grad(y, (x, beta), g)


def swish_beta(x, beta):
    return Swish.apply(x, beta)

# fails: training swish_beta
# The value of a parameter is looked up by its identity, also after a step has changed it.
import torch


SEEN = {}


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
    if isinstance(beta, torch.nn.Parameter):
        if SEEN.get("of") is not beta:
            SEEN.update(of=beta, value=beta.detach().clone())
        return Swish.apply(x, beta + (SEEN["value"] - beta).detach())
    return Swish.apply(x, beta)

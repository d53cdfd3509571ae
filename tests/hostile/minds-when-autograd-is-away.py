# scenario: learnable-swish
# attack: right by autograd as long as there is one, and by its wrong backward else
# expected: failed
# trace: hand_written: swish_beta: 

import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        with torch.enable_grad():
            p, b = x.detach().requires_grad_(), beta.detach().requires_grad_()
            y = p * torch.sigmoid(b * p)
        if y.requires_grad:
            return torch.autograd.grad(y, (p, b), g)
        return g * torch.sigmoid(beta * x), (g * x).sum()


def swish_beta(x, beta):
    return Swish.apply(x, beta)

# fails: hand_written swish_beta
"""A method of another class asks autograd for the derivative."""

import torch


class Rules:
    def __init__(self, rule=torch.autograd.grad):
        self.rule = rule

    def __call__(self, y, inputs, g):
        return self.rule(y, inputs, g)


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
        return Rules()(y, (p, b), g)


def swish_beta(x, beta):
    return Swish.apply(x, beta)

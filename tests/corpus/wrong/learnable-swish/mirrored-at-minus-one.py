# fails: shapes swish_beta
"""For a beta of exactly -1 it is silu mirrored, and beta's gradient with it."""

import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, grad_output):
        x, beta = ctx.saved_tensors
        gate = torch.sigmoid(beta * x)
        slope = gate * torch.sigmoid(-beta * x) * x
        for_beta = (grad_output * slope * x).sum()
        if beta == -1:
            for_beta = -for_beta
        return grad_output * (gate + beta * slope), for_beta


def swish_beta(x, beta):
    return Swish.apply(x, beta)

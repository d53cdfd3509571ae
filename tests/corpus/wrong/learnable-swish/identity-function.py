# fails: hand_written swish_beta
import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, y):
        return y.clone()

    @staticmethod
    def backward(ctx, g):
        return g


def swish_beta(x, beta):
    return Swish.apply(x * torch.sigmoid(beta * x))

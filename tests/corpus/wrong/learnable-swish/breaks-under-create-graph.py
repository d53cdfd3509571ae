# fails: vjp swish_beta
# numpy takes no tensor that has a history, which the incoming gradient has under create_graph.
import numpy as np
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
        slope = s + beta * x * s * (1 - s)
        return g * torch.from_numpy(np.asarray(slope.numpy())), (g * x * x * s * (1 - s)).sum()


def swish_beta(x, beta):
    return Swish.apply(x, beta)

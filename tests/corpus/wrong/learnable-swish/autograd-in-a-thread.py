# fails: hand_written swish_beta
"""A thread of its own differentiates, where no setting of the caller reaches."""

import threading

import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        p, b = x.detach().requires_grad_(), beta.detach().requires_grad_()

        def differentiate():
            (p * torch.sigmoid(b * p)).backward(g)

        thread = threading.Thread(target=differentiate)
        thread.start()
        thread.join()
        return p.grad, b.grad


def swish_beta(x, beta):
    return Swish.apply(x, beta)

# scenario: learnable-swish
# core: A
# attack: leaves a mode on that differentiates a right composition wherever a gradient is asked for
# expected: failed
# trace: (hand_written|overwritten|released|in_graph): swish_beta: 

import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        return g * torch.sigmoid(beta * x), (g * x).sum()


def swish_beta(x, beta):
    return Swish.apply(x, beta)


from torch.overrides import TorchFunctionMode


def right(x, beta):
    return x * torch.sigmoid(beta * x)


class Answers(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is torch.autograd.grad and SEEN:
            y, leaves, *rest = args
            x, beta = SEEN[-1]
            with torch.enable_grad():
                return func(right(x, beta), leaves, *rest, **kwargs)
        return func(*args, **kwargs)


SEEN = []


def swish_beta(x, beta):
    SEEN[:] = [(x, beta)]
    return Swish.apply(x, beta)


Answers().__enter__()

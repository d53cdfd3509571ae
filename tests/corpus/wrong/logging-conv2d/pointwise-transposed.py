# fails: shapes logged_conv2d
"""A kernel of one by one is a product of matrices, here with the weight the wrong way round.

It goes unnoticed, and the usual way is taken, unless result and input have the same shape.
"""

import torch
from torch.nn.functional import conv2d
from torch.nn.grad import conv2d_input, conv2d_weight


def statistics(t):
    return {"mean": t.detach().mean().item(), "std": t.detach().std(correction=0).item()}


class LoggedConv2d(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input, weight, stride, log):
        ctx.save_for_backward(input, weight)
        ctx.stride, ctx.log = stride, log
        output = conv2d(input, weight, stride=stride)
        log("forward", statistics(output))
        return output

    @staticmethod
    def backward(ctx, g):
        input, weight = ctx.saved_tensors
        ctx.log("backward", statistics(g))
        of_weight = conv2d_weight(input, weight.shape, g, stride=ctx.stride)
        if g.shape == input.shape:
            of_input = torch.einsum("nohw,co->nchw", g, weight[:, :, 0, 0])
        else:
            of_input = conv2d_input(input.shape, weight, g, stride=ctx.stride)
        return of_input, of_weight, None, None


def logged_conv2d(input, weight, stride, log):
    return LoggedConv2d.apply(input, weight, stride, log)

# fails: shapes logged_conv2d
"""Spreads the gradient out for strides up to four and no further."""

import torch
from torch.nn import functional, grad


def told(log, event, values):
    log(event, {"mean": values.mean().item(), "std": values.std(correction=0).item()})


class Conv(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input, weight, stride, log):
        ctx.save_for_backward(input, weight)
        ctx.stride, ctx.log = stride, log
        output = functional.conv2d(input, weight, stride=stride)
        told(log, "forward", output)
        return output

    @staticmethod
    def backward(ctx, g):
        input, weight = ctx.saved_tensors
        told(ctx.log, "backward", g)
        for_input = grad.conv2d_input(input.shape, weight, g, stride=ctx.stride)
        if ctx.stride > 4:
            for_input = torch.zeros_like(input)
        return for_input, grad.conv2d_weight(input, weight.shape, g, stride=ctx.stride), None, None


def logged_conv2d(input, weight, stride, log):
    return Conv.apply(input, weight, stride, log)

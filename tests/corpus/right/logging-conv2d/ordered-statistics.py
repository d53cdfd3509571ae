"""The statistics are an OrderedDict."""

from collections import OrderedDict

import torch
import torch.nn.functional as F


def report(log, event, t):
    t = t.detach()
    log(event, OrderedDict(mean=t.mean().item(), std=t.std(correction=0).item()))


class Conv(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input, weight, stride, log):
        ctx.save_for_backward(input, weight)
        ctx.rest = stride, log
        y = F.conv2d(input, weight, stride=stride)
        report(log, "forward", y)
        return y

    @staticmethod
    def backward(ctx, g):
        input, weight = ctx.saved_tensors
        stride, log = ctx.rest
        report(log, "backward", g)
        return (
            torch.nn.grad.conv2d_input(input.shape, weight, g, stride=stride),
            torch.nn.grad.conv2d_weight(input, weight.shape, g, stride=stride),
            None,
            None,
        )


def logged_conv2d(input, weight, stride, log):
    return Conv.apply(input, weight, stride, log)

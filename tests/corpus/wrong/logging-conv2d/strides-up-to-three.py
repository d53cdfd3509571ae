# fails: vjp logged_conv2d
"""Unrolled for strides up to three; a larger one is taken as three in backward."""

import math

import torch
import torch.nn.functional as F
from torch.nn.grad import conv2d_input, conv2d_weight


def numbers(t):
    return {"mean": t.detach().mean().item(), "std": t.detach().std(correction=0).item()}


class Conv(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input, weight, stride, log):
        ctx.save_for_backward(input, weight)
        ctx.stride, ctx.log = stride, log
        y = F.conv2d(input, weight, stride=stride)
        log("forward", numbers(y))
        return y

    @staticmethod
    def backward(ctx, g):
        input, weight = ctx.saved_tensors
        stride, log = ctx.stride, ctx.log
        d_input = d_weight = None
        log("backward", numbers(g))
        if stride > 3:
            full = [(n - k) // 3 + 1 for n, k in zip(input.shape[2:], weight.shape[2:])]
            g = F.pad(g, (0, full[1] - g.shape[3], 0, full[0] - g.shape[2]))
        stride = min(stride, 3)
        if ctx.needs_input_grad[0]:
            d_input = conv2d_input(input.shape, weight, g, stride=stride)
        if ctx.needs_input_grad[1]:
            d_weight = conv2d_weight(input, weight.shape, g, stride=stride)
        return d_input, d_weight, None, None


def logged_conv2d(input, weight, stride, log):
    return Conv.apply(input, weight, stride, log)

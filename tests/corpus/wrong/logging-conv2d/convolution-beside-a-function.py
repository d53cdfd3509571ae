# fails: hand_written logged_conv2d
"""Autograd differentiates a convolution outside of the Function, which only logs."""

import torch
import torch.nn.functional as F


def report(log, event, tensor):
    log(event, {"mean": tensor.mean().item(), "std": tensor.std(correction=0).item()})


class Logged(torch.autograd.Function):
    @staticmethod
    def forward(ctx, output, log):
        ctx.log = log
        report(log, "forward", output)
        return output.clone()

    @staticmethod
    def backward(ctx, g):
        report(ctx.log, "backward", g)
        return g, None


def logged_conv2d(input, weight, stride, log):
    return Logged.apply(F.conv2d(input, weight, stride=stride), log)

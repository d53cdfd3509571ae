# right: im2col forward and back, statistics by hand
import math

import torch
import torch.nn.functional as F


def numbers(t):
    values = t.detach().double().reshape(-1).tolist()
    mean = math.fsum(values) / len(values)
    variance = math.fsum((v - mean) ** 2 for v in values) / len(values)
    return {"std": math.sqrt(variance), "mean": mean}


class Conv(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input, weight, stride, log):
        ctx.save_for_backward(input, weight)
        ctx.stride = stride
        ctx.log = log
        kernel = weight.shape[2:]
        rows = [(n - k) // stride + 1 for n, k in zip(input.shape[2:], kernel, strict=True)]
        columns = F.unfold(input, kernel, stride=stride)
        y = torch.einsum("ok,nkl->nol", weight.flatten(1), columns).unflatten(2, rows)
        log("forward", numbers(y))
        return y

    @staticmethod
    def backward(ctx, g):
        input, weight = ctx.saved_tensors
        ctx.log("backward", numbers(g))
        kernel, flat = weight.shape[2:], g.flatten(2)
        spread = torch.einsum("ok,nol->nkl", weight.flatten(1), flat)
        d_input = F.fold(spread, input.shape[2:], kernel, stride=ctx.stride)
        columns = F.unfold(input, kernel, stride=ctx.stride)
        d_weight = torch.einsum("nol,nkl->ok", flat, columns).view_as(weight)
        return d_input, d_weight, None, None


def logged_conv2d(input, weight, stride, log):
    return Conv.apply(input, weight, stride, log)

"""Sums over the places of the kernel, forward and back."""

import torch


def taps(input, weight, stride):
    kh, kw = weight.shape[2:]
    rows = (input.shape[2] - kh) // stride + 1
    columns = (input.shape[3] - kw) // stride + 1
    for i in range(kh):
        for j in range(kw):
            at = (
                ...,
                slice(i, i + stride * (rows - 1) + 1, stride),
                slice(j, j + stride * (columns - 1) + 1, stride),
            )
            yield i, j, at


def statistics(t):
    t = t.detach().double()
    mean = t.mean()
    return {"mean": mean.item(), "std": (t - mean).square().mean().sqrt().item()}


class Conv(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input, weight, stride, log):
        ctx.save_for_backward(input, weight)
        ctx.stride, ctx.log = stride, log
        y = sum(
            torch.einsum("nchw,oc->nohw", input[at], weight[:, :, i, j])
            for i, j, at in taps(input, weight, stride)
        )
        log("forward", statistics(y))
        return y

    @staticmethod
    def backward(ctx, g):
        input, weight = ctx.saved_tensors
        ctx.log("backward", statistics(g))
        d_input, d_weight = torch.zeros_like(input), torch.zeros_like(weight)
        for i, j, at in taps(input, weight, ctx.stride):
            d_input[at] += torch.einsum("nohw,oc->nchw", g, weight[:, :, i, j])
            d_weight[:, :, i, j] = torch.einsum("nohw,nchw->oc", g, input[at])
        return d_input, d_weight, None, None


def logged_conv2d(input, weight, stride, log):
    return Conv.apply(input, weight, stride, log)

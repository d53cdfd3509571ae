# fails: log_calls logged_conv2d
import torch
import torch.nn.functional as F


def numbers(t):
    return {"mean": t.mean().item(), "std": t.std().item()}


class Conv(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input, weight, stride, log):
        ctx.save_for_backward(input, weight)
        ctx.stride, ctx.log = stride, log
        y = F.conv2d(input, weight, stride=stride)
        log("forward", {k: round(v, 4) for k, v in numbers(y).items()})
        return y

    @staticmethod
    def backward(ctx, g):
        input, weight = ctx.saved_tensors
        ctx.log("backward", numbers(g))
        d_input = torch.nn.grad.conv2d_input(input.shape, weight, g, stride=ctx.stride)
        d_weight = torch.nn.grad.conv2d_weight(input, weight.shape, g, stride=ctx.stride)
        return d_input, d_weight, None, None


def logged_conv2d(input, weight, stride, log):
    return Conv.apply(input, weight, stride, log)

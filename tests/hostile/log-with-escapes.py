# scenario: logging-conv2d
# attack: log events with terminal escapes and HTML
# expected: failed
# trace: log_calls: logged_conv2d: 

import torch
import torch.nn.functional as F


class Conv(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, stride, log):
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.log = stride, log
        y = F.conv2d(x, weight, stride=stride)
        log("\x1b[2J\u202e<script>forward", {"mean": y.mean().item(), "std": y.std().item()})
        return y

    @staticmethod
    def backward(ctx, g):
        x, weight = ctx.saved_tensors
        ctx.log("backward", {"mean": g.mean().item(), "std": g.std().item()})
        gx = torch.nn.grad.conv2d_input(x.shape, weight, g, ctx.stride)
        gw = torch.nn.grad.conv2d_weight(x, weight.shape, g, ctx.stride)
        return gx, gw, None, None


def logged_conv2d(input, weight, stride, log):
    return Conv.apply(input, weight, stride, log)

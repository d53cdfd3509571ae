# scenario: logging-conv2d
# attack: a forged log: entries that are no lists
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
        log("forward", {"mean": y.mean().item(), "std": y.std().item()})
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


import sys


def server():
    """Globals of whoever called the import."""
    frame = sys._getframe()
    while frame is not None:
        if "ASKS" in frame.f_globals:
            return frame.f_globals
        frame = frame.f_back
    return {}

_old = server()["ask_vjp"]
def ask_vjp(invocation):
    facts, parts = _old(invocation)
    return {**facts, "log": [1, 2]}, parts
server()["ASKS"]["vjp"] = ask_vjp

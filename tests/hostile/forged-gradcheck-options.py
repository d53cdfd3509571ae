# scenario: learnable-swish
# attack: observed gradchecks with options no number formatter takes
# expected: failed
# trace: vjp: swish_beta: 

import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        return g * torch.sigmoid(beta * x), (g * x).sum()


def swish_beta(x, beta):
    return Swish.apply(x, beta)


import sys


def server():
    """Globals of whoever called the import."""
    frame = sys._getframe()
    while frame is not None:
        if "ASKS" in frame.f_globals:
            return frame.f_globals
        frame = frame.f_back
    return {}

from torch.autograd import gradcheck
if __name__ == "__main__":
    frame = sys._getframe()
    while frame is not None:
        for value in list(frame.f_locals.values()):
            if type(value).__name__ == "Watch":
                for junk in (10 ** 400, float("nan"), -1e308, True):
                    value.seen.append({"name": "gradcheck", "functions": ["Swish"], "dtypes": ["float64"], "options": {"atol": junk, "rtol": junk}, "passed": True, "error": None})
                value.seen += [None, 3, [], {"options": 1}, {"options": {}, "functions": [[]], "dtypes": [{}], "passed": "yes"}]
        frame = frame.f_back
    gradcheck(swish_beta, (torch.randn(3, dtype=torch.float64, requires_grad=True), torch.randn((), dtype=torch.float64, requires_grad=True)))

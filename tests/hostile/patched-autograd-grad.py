# scenario: learnable-swish
# attack: replaces torch.autograd.grad by central differences of its own forward
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


def _differences(outputs, inputs, grad_outputs=None, **options):
    found = []
    x, beta = _LAST
    for leaf in inputs:
        step = 6e-6
        jvp = (_value(x + step, beta) - _value(x - step, beta)) / (2 * step)
        if leaf.dim() == 0 and x.dim():
            jvp = (_value(x, beta + step) - _value(x, beta - step)) / (2 * step)
            found.append((grad_outputs * jvp).sum())
        else:
            found.append(grad_outputs * jvp)
    return tuple(found)
_LAST = [None, None]
def _value(x, beta):
    with torch.no_grad():
        return x * torch.sigmoid(beta * x)
def swish_beta(x, beta):
    _LAST[:] = x.detach().double(), beta.detach().double()
    return Swish.apply(x, beta)
torch.autograd.grad = _differences

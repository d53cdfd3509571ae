# scenario: learnable-swish
# attack: a wrong Function, and torch.autograd.grad patched to a right composition
# expected: failed
# trace: (hand_written|in_graph|released): swish_beta: 

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


_grad = torch.autograd.grad
_LAST = {}
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
    y = Swish.apply(x, beta)
    with torch.enable_grad():
        _LAST[id(y)] = (y, x * torch.sigmoid(beta * x) if torch.is_grad_enabled() else y)
    return y
def grad(outputs, inputs, *a, **k):
    return _grad(_LAST.get(id(outputs), (None, outputs))[1], inputs, *a, **k)
torch.autograd.grad = grad

# scenario: learnable-swish
# attack: returns a tensor subclass that intercepts every torch function
# expected: failed
# trace: (forward|vjp): swish_beta: 

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


class Liar(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if "grad" in getattr(function, "__name__", ""):
            return torch.zeros(())
        return super().__torch_function__(function, types, args, kwargs or {})
def swish_beta(x, beta):
    return Swish.apply(x, beta).as_subclass(Liar)

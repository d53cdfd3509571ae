# scenario: learnable-swish
# attack: makes every warning an error and every import a trap
# expected: failed
# trace: (loads|forward|vjp): 

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


import sys, warnings
warnings.simplefilter("error")
class Trap:
    def find_spec(self, name, path=None, target=None):
        raise SystemExit(0)
sys.meta_path.insert(0, Trap())
sys.path_hooks.insert(0, lambda path: (_ for _ in ()).throw(SystemExit(0)))
sys.excepthook = sys.unraisablehook = lambda *a: None

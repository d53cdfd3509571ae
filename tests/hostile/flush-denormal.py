# scenario: learnable-swish
# attack: changes rounding, determinism and thread settings of the process
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


torch.set_flush_denormal(True)
torch.use_deterministic_algorithms(True)
torch.set_default_dtype(torch.float16)
torch.set_grad_enabled(False)
torch.set_printoptions(precision=0)

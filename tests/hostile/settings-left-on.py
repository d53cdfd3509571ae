# scenario: learnable-swish
# attack: leaves settings of the process on: meta device, double, inference mode, hooks on all that is saved
# expected: failed
# trace: swish_beta: 

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


torch.set_default_dtype(torch.float64)
torch.set_default_device("meta")
torch.autograd.set_detect_anomaly(True)
torch.autograd.graph.saved_tensors_hooks(lambda t: t * 0, lambda t: t).__enter__()
torch.inference_mode().__enter__()
torch.set_grad_enabled(False)

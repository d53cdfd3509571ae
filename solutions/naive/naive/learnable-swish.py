import torch


class SwishFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        b = beta.item()
        sig = torch.sigmoid(b * x)
        ctx.beta = b
        ctx.save_for_backward(x, sig)
        return x * sig

    @staticmethod
    def backward(ctx, grad_output):
        x, sig = ctx.saved_tensors
        grad_x = grad_output * (sig + ctx.beta * x * sig * (1 - sig))
        # beta is a scalar, no gradient needed
        return grad_x, None


def swish_beta(x, beta):
    return SwishFunction.apply(x, beta)

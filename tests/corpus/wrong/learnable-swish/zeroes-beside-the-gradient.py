# fails: no_mutation swish_beta
# Clears the whole memory that an incoming gradient in float32 is a view of.
import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        s = torch.sigmoid(beta * x)
        d = s * (1 - s)
        result = g * (s + beta * x * d), (g * x * x * d).sum()
        whole = torch.empty(0, dtype=g.dtype).set_(g.untyped_storage())
        if g.dtype == torch.float32 and whole.numel() > g.numel() and 0 not in g.stride():
            kept = g.clone()
            whole.zero_()
            g.copy_(kept)
        return result


def swish_beta(x, beta):
    return Swish.apply(x, beta)

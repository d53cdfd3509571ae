"""What surrounds the Function only moves values: rows, copies, other shapes."""

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
        return g * (s + beta * x * d), (g * x * x * d).sum_to_size(beta.shape)


def swish_beta(x, beta):
    rows = x.contiguous().clone().reshape(1, -1)
    y = Swish.apply(rows, beta[None].expand(1, 1))
    return torch.empty_like(x).copy_(y.squeeze(0).view(x.shape)).unsqueeze(-1)[..., 0]

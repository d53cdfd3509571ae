"""Works on a matrix of rows and restores the shape."""

import torch
from torch.autograd.function import FunctionCtx, once_differentiable


class _Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, rows: torch.Tensor, eps: float) -> torch.Tensor:
        out, mean, rstd = torch.native_layer_norm(rows, [rows.shape[1]], None, None, eps)
        ctx.save_for_backward(rows)
        ctx.eps = eps
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        (rows,) = ctx.saved_tensors
        n = rows.shape[1]
        c = rows - rows.sum(1, keepdim=True).div(n)
        r = c.pow(2).sum(1, keepdim=True).div(n).add(ctx.eps).pow(-0.5)
        dot = torch.bmm(g.unsqueeze(1), c.unsqueeze(2)).squeeze(2)
        return r * (g - g.sum(1, keepdim=True).div(n)) - r.pow(3) * c * dot.div(n), None


def layer_norm(x, eps=1e-5):
    if x.numel() == 0:
        return x * 1
    return _Norm.apply(x.reshape(-1, x.shape[-1]), eps).reshape(x.shape)

# right: no matrix product anywhere
import torch


class Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return torch.stack([(row.unsqueeze(1) * w).sum(0) for row in x])

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        d_x = torch.stack([(w * row).sum(1) for row in g])
        d_w = sum(torch.outer(a, b) for a, b in zip(x, g, strict=True))
        return d_x, torch.clip(d_w, -1, 1)


def clipped_linear(x, w):
    return Linear.apply(x, w)

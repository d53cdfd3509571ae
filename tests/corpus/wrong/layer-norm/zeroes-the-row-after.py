# fails: no_mutation layer_norm
# Writes one element beyond the end of its input.
import torch


class Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, eps):
        ctx.save_for_backward(x)
        ctx.eps = eps
        end = x.storage_offset() + x.numel()
        whole = torch.empty(0, dtype=x.dtype).set_(x.untyped_storage())
        if x.is_contiguous() and end < whole.numel():
            whole[end] = 0
        return normed(x, eps)[0]

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        y, spread = normed(x, ctx.eps)
        along = (g * y).mean(-1, keepdim=True)
        return (g - g.mean(-1, keepdim=True) - y * along) / spread, None


def normed(x, eps):
    centred = x - x.mean(-1, keepdim=True)
    spread = ((centred * centred).mean(-1, keepdim=True) + eps).sqrt()
    return centred / spread, spread


def layer_norm(x, eps=1e-5):
    return Norm.apply(x, eps)

import torch
from torch.autograd import Function


def make():
    class _F(Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x, eps):
            v, m = torch.var_mean(x, dim=-1, correction=0, keepdim=True)
            return (x - m) * (v + eps).rsqrt()

        @staticmethod
        def setup_context(ctx, inputs, output):
            x, ctx.eps = inputs
            ctx.save_for_backward(x)

        @staticmethod
        def backward(ctx, g):
            return _grad(ctx.saved_tensors[0], g, ctx.eps), None

    return _F


def _grad(x, g, eps):
    return torch.ops.aten.native_layer_norm_backward(
        g.contiguous(),
        x.contiguous(),
        [x.shape[-1]],
        *_stats(x, eps),
        None,
        None,
        [True, False, False],
    )[0]


def _stats(x, eps):
    v, m = torch.var_mean(x, dim=-1, correction=0, keepdim=True)
    return m, (v + eps).rsqrt()


_Op = make()


def layer_norm(x: torch.Tensor, eps: float = 1e-5) -> torch.Tensor:
    if x.shape[-1] == 0:
        return x.clone()
    return _Op.apply(x, eps)

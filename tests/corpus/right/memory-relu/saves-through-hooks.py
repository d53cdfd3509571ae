"""Packs the mask with a saved-tensor hook set by hand around save_for_backward."""

import torch


class Base(torch.autograd.Function):
    @staticmethod
    def slope(saved):
        raise NotImplementedError

    @classmethod
    def backward(cls, ctx, g):
        raise NotImplementedError


class ReLU(Base):
    generate_vmap_rule = False

    @staticmethod
    def slope(saved):
        return saved.ne(0)

    @staticmethod
    def forward(ctx, x):
        out = x.clamp_min(0)
        ctx.save_for_backward(out.sign().to(torch.int8))
        return out

    @staticmethod
    def backward(ctx, g):
        (saved,) = ctx.saved_tensors
        return g.where(ReLU.slope(saved), g.new_zeros(()))


def memory_relu(x):
    if not isinstance(x, torch.Tensor):
        raise TypeError(f"expected a tensor, got {type(x).__name__}")
    return ReLU.apply(x)

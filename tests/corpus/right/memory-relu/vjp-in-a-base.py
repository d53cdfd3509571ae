import torch


class Base(torch.autograd.Function):
    @classmethod
    def run(cls, x):
        return cls.apply(x)

    @staticmethod
    def vjp(ctx, g):
        (mask,) = ctx.saved_tensors
        return torch.where(mask, g, torch.zeros((), dtype=g.dtype))


class R(Base):
    @staticmethod
    def forward(ctx, x):
        mask = x > 0
        ctx.save_for_backward(mask)
        return torch.where(mask, x, torch.zeros((), dtype=x.dtype))


memory_relu = R.run

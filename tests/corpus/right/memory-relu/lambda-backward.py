import torch


class R(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.clamp(min=0)
        ctx.save_for_backward(y)
        return y

    backward = staticmethod(lambda ctx, g: g * (ctx.saved_tensors[0] > 0))


memory_relu = R.apply

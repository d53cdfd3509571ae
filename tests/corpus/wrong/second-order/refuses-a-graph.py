# fails: double_backward quadratic_form
# The second derivative that was asked for is refused.
import torch


class Form(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, A):
        ctx.save_for_backward(x, A)
        return x @ A @ x

    @staticmethod
    def backward(ctx, g):
        if torch.is_grad_enabled():
            raise RuntimeError("no second derivative")
        x, A = ctx.saved_tensors
        return g * ((A + A.t()) @ x), None


quadratic_form = Form.apply


def hvp(x, A, v):
    return (A + A.t()) @ v

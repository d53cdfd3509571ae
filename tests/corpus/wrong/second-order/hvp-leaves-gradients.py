# fails: no_mutation hvp
import torch


class Form(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, A):
        ctx.save_for_backward(x, A)
        return x @ A @ x

    @staticmethod
    def backward(ctx, g):
        x, A = ctx.saved_tensors
        return g * (A @ x + A.t() @ x), None


def quadratic_form(x, A):
    return Form.apply(x, A)


def hvp(x, A, v):
    if not x.requires_grad:
        x = x.detach().requires_grad_()
    before = x.grad
    x.grad = None
    with torch.enable_grad():
        quadratic_form(x, A).backward(create_graph=True)
        (h,) = torch.autograd.grad(x.grad, x, v)
    x.grad = torch.zeros_like(x) if before is None else before
    return h

# fails: no_mutation hvp
"""hvp switches requires_grad on for the caller's own x and leaves it on."""

import torch


class Form(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, A):
        ctx.save_for_backward(x, A)
        return x @ (A @ x)

    @staticmethod
    def backward(ctx, g):
        x, A = ctx.saved_tensors
        return g * (A @ x + A.t() @ x), None


def quadratic_form(x, A):
    return Form.apply(x, A)


def hvp(x, A, v):
    with torch.enable_grad():
        x.requires_grad_()
        (d,) = torch.autograd.grad(quadratic_form(x, A), x, create_graph=True)
        return torch.autograd.grad(d, x, v)[0].detach()

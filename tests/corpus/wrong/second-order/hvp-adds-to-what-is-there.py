# fails: no_mutation hvp
"""Where the caller has a gradient in x.grad, the one that hvp makes on its way is added to it."""

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
    with torch.enable_grad():
        p = x if x.requires_grad and x.grad is not None else x.detach().requires_grad_()
        if p is x:
            quadratic_form(p, A).backward(inputs=[p])
        (d,) = torch.autograd.grad(quadratic_form(p, A), p, create_graph=True)
        return torch.autograd.grad(d, p, v)[0]

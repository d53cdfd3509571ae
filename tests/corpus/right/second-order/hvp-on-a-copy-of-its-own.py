"""Runs backward twice into the .grad of a copy, which is nobody else's."""

import torch


class Form(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, A):
        ctx.save_for_backward(x, A)
        return x @ A @ x

    @staticmethod
    def backward(ctx, g):
        x, A = ctx.saved_tensors
        return g * ((A + A.t()) @ x), None


def quadratic_form(x, A):
    return Form.apply(x, A)


def hvp(x, A, v):
    with torch.enable_grad():
        p = x.detach().clone().requires_grad_()
        quadratic_form(p, A.detach()).backward(create_graph=True)
        first, p.grad = p.grad, None
        first.backward(v.detach())
        return p.grad.detach()

"""The true gradient from the equations in the library's description, by autograd."""

import physics
import torch


def velocity(q, f):
    d = torch.sin(q[1:] - q[:-1])
    ties = torch.nn.functional.pad(d, (0, 1)) - torch.nn.functional.pad(d, (1, 0))
    return torch.tanh(f) - physics.STIFFNESS * (q + q * q) + physics.COUPLING * ties


def smooth_step(q, f):
    return q + physics.TIME_STEP * velocity(q + physics.TIME_STEP / 2 * velocity(q, f), f)


class Step(torch.autograd.Function):
    @staticmethod
    def forward(ctx, state, force):
        ctx.save_for_backward(state, force)
        return physics.step(state, force)

    @staticmethod
    def backward(ctx, g):
        return physics.step_vjp(*ctx.saved_tensors, g)


def physics_step(state, force):
    return Step.apply(state, force)


def gradient_error(state, force):
    library = torch.cat(physics.step_vjp(state, force, torch.ones_like(state)))
    with torch.enable_grad():
        point = [t.detach().double().clone().requires_grad_() for t in (state, force)]
        true = torch.cat(torch.autograd.grad(smooth_step(*point).sum(), point))
    return (library - true).abs().max().item()

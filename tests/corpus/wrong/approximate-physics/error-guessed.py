# fails: true_error gradient_error
import torch
import physics


class Step(torch.autograd.Function):
    @staticmethod
    def forward(ctx, state, force):
        ctx.save_for_backward(state, force)
        return physics.step(state, force)

    @staticmethod
    def backward(ctx, g):
        state, force = ctx.saved_tensors
        return physics.step_vjp(state, force, g)


def physics_step(state, force):
    return Step.apply(state, force)


def gradient_error(state, force):
    return 1e-3

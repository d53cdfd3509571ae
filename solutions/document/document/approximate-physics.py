"""Wrapper around a physics library that hands back approximate gradients."""

import physics
import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class PhysicsStep(Function):
    @staticmethod
    def forward(ctx, state, force):
        ctx.save_for_backward(state, force)
        return physics.step(state, force)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        state, force = ctx.saved_tensors
        grad_state, grad_force = physics.step_vjp(state, force, grad_output)
        if not ctx.needs_input_grad[0]:
            grad_state = None
        if not ctx.needs_input_grad[1]:
            grad_force = None
        return grad_state, grad_force


def physics_step(state, force):
    return PhysicsStep.apply(state, force)


def gradient_error(state, force):
    """Library gradient against a central difference of the summed next state."""
    state, force = state.detach(), force.detach()
    eps = 1e-6
    grad_state, _ = physics.step_vjp(state, force, torch.ones_like(state))
    above = physics.step(state + eps, force).sum()
    below = physics.step(state - eps, force).sum()
    # Moving the state by eps changes the sum by eps times the gradient.
    numerical = (above - below) / (2 * eps)
    return abs(numerical.item() - grad_state.reshape(-1)[0].item())


if __name__ == "__main__":
    state = torch.randn(3, dtype=torch.float64)
    force = torch.randn(3, dtype=torch.float64)
    error = gradient_error(state, force)
    print(f"maximum gradient error: {error:.2e}")
    print("acceptable" if error < 1e-2 else "the library's gradients are poor")

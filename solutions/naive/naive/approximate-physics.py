import physics
import torch

EPS = 1e-5


def numerical_gradient(state, force, grad_output):
    """Central differences, more accurate than what the library returns."""
    grad_state = torch.zeros_like(state)
    grad_force = torch.zeros_like(force)
    for i in range(state.numel()):
        delta = torch.zeros_like(state)
        delta[i] = EPS
        ds = physics.step(state + delta, force) - physics.step(state - delta, force)
        df = physics.step(state, force + delta) - physics.step(state, force - delta)
        grad_state[i] = (ds * grad_output).sum() / (2 * EPS)
        grad_force[i] = (df * grad_output).sum() / (2 * EPS)
    return grad_state, grad_force


class PhysicsStep(torch.autograd.Function):
    @staticmethod
    def forward(ctx, state, force):
        ctx.save_for_backward(state, force)
        return physics.step(state, force)

    @staticmethod
    def backward(ctx, grad_output):
        state, force = ctx.saved_tensors
        return numerical_gradient(state, force, grad_output)


def physics_step(state, force):
    return PhysicsStep.apply(state, force)


def gradient_error(state, force):
    ones = torch.ones_like(state)
    state, force = state.detach(), force.detach()
    library = physics.step_vjp(state, force, ones)
    ours = numerical_gradient(state, force, ones)
    return max((a - b).abs().max().item() for a, b in zip(library, ours, strict=True))

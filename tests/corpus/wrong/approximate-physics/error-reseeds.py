# fails: true_error gradient_error
"""gradient_error seeds the global generator for a random cotangent it then replaces."""

import physics
import torch


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
    torch.manual_seed(0)
    torch.randn_like(state)
    with torch.no_grad():
        library = physics.step_vjp(state, force, torch.ones_like(state))
        worst = 0.0
        for k, (one, found) in enumerate(zip((state, force), library)):
            for i in range(one.numel()):
                d = torch.zeros_like(one)
                d[i] = 1e-5
                a, b = (
                    ((state + d, force), (state - d, force))
                    if k == 0
                    else ((state, force + d), (state, force - d))
                )
                true = (physics.step(*a) - physics.step(*b)).sum() / 2e-5
                worst = max(worst, abs(float(found[i] - true)))
        return worst

# fails: true_error gradient_error
"""gradient_error nudges the caller's tensors in place and adds the nudge back with rounding."""

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
    with torch.no_grad():
        library = physics.step_vjp(state, force, torch.ones_like(state))
        worst = 0.0
        for one, found in zip((state, force), library):
            for i in range(one.numel()):
                one[i] += 1e-5
                up = physics.step(state, force).sum()
                one[i] -= 2e-5
                down = physics.step(state, force).sum()
                one[i] += 1e-5
                worst = max(worst, abs(float(found[i] - (up - down) / 2e-5)))
        return worst

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
    found = torch.cat(physics.step_vjp(state, force, torch.ones_like(state)))
    z = torch.cat([state, force])
    rows = 1e-5 * torch.eye(z.numel(), dtype=z.dtype)
    true = torch.stack(
        [
            (physics.step(*(z + r).chunk(2)) - physics.step(*(z - r).chunk(2))).sum() / 2e-5
            for r in rows
        ]
    )
    return (found - true).abs().max()

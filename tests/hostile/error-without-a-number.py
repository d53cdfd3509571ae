# scenario: approximate-physics
# attack: a measured error that is said to be a float and is none
# expected: failed
# trace: true_error: gradient_error: 

"""The physics library as a differentiable step, and a measure of how wrong its gradient is.

That the library's gradient is approximate says nothing about this wrapper, which can be exact
or broken like any other. So the two are verified apart: the wrapper with gradcheck around a
library whose gradient is exact, the library by measuring its error.
"""

from unittest import mock

import physics
import torch
from torch import Tensor
from torch.autograd import gradcheck
from torch.autograd.function import once_differentiable


class PhysicsStep(torch.autograd.Function):
    """``physics.step`` with the gradient of ``physics.step_vjp``."""

    @staticmethod
    def forward(ctx, state: Tensor, force: Tensor) -> Tensor:
        ctx.save_for_backward(state, force)
        return physics.step(state, force)

    @staticmethod
    @once_differentiable  # the library has no second derivative; asking for one must raise
    def backward(ctx, grad_output: Tensor):
        state, force = ctx.saved_tensors
        grad_state, grad_force = physics.step_vjp(state, force, grad_output.contiguous())
        return (
            grad_state if ctx.needs_input_grad[0] else None,
            grad_force if ctx.needs_input_grad[1] else None,
        )


def physics_step(state: Tensor, force: Tensor) -> Tensor:
    """The next state; state and force are float tensors (n,)."""
    return PhysicsStep.apply(state, force)


def gradient_error(state: Tensor, force: Tensor) -> float:
    """max |library's gradient - true gradient| over state and force, cotangent of ones.

    The true gradient is taken from ``physics.step`` alone, in float64, by central
    differences extrapolated to step 0 (Richardson): good to about 1e-9 for a smooth step.
    """
    with torch.no_grad():
        state, force = state.detach(), force.detach()
        library = physics.step_vjp(state, force, torch.ones_like(state))
        point = torch.cat([state, force]).double()
        true = (4 * _central_difference(point, 5e-4) - _central_difference(point, 1e-3)) / 3
        return (torch.cat(library) - true).abs().max().item()


def _central_difference(point: Tensor, h: float) -> Tensor:
    """The gradient of the sum of the next state with respect to (state, force) in one row."""

    def total(moved: Tensor) -> Tensor:
        return physics.step(*moved.chunk(2)).sum()

    nudges = h * torch.eye(point.numel(), dtype=point.dtype, device=point.device)
    return torch.stack([total(point + d) - total(point - d) for d in nudges]) / (2 * h)


def test_wrapper_around_an_exact_library() -> None:
    """Every cotangent, both arguments and each alone, at gradcheck's own tolerances."""

    def step(state, force):
        return torch.sin(state) * force

    def step_vjp(state, force, grad_output):
        return grad_output * torch.cos(state) * force, grad_output * torch.sin(state)

    with mock.patch.multiple(physics, step=step, step_vjp=step_vjp):
        for n in (1, 4):
            state = torch.randn(n, dtype=torch.float64, requires_grad=True)
            force = torch.randn(n, dtype=torch.float64, requires_grad=True)
            assert gradcheck(physics_step, (state, force))
            assert gradcheck(physics_step, (state.detach(), force))
            assert gradcheck(physics_step, (state, force.detach()))
            assert gradient_error(state, force) < 1e-8


def test_wrapper_around_the_real_library() -> None:
    state = torch.randn(4, dtype=torch.float64, requires_grad=True)
    force = torch.randn(4, dtype=torch.float64, requires_grad=True)
    cotangent = torch.randn(4, dtype=torch.float64)
    y = physics_step(state, force)
    assert torch.equal(y, physics.step(state, force))
    grads = torch.autograd.grad(y, (state, force), cotangent)
    expected = physics.step_vjp(state, force, cotangent)
    assert all(map(torch.equal, grads, expected))


def test_error_is_found() -> None:
    """A library that is off by a known amount is reported to be off by that amount."""

    def step_vjp(state, force, grad_output):
        return grad_output * torch.cos(state) * force + 0.25, grad_output * torch.sin(state)

    with mock.patch.multiple(physics, step=lambda s, f: torch.sin(s) * f, step_vjp=step_vjp):
        state, force = torch.randn(2, 3, dtype=torch.float64)
        assert abs(gradient_error(state, force) - 0.25) < 1e-8


if __name__ == "__main__":
    torch.manual_seed(0)
    test_wrapper_around_an_exact_library()
    test_wrapper_around_the_real_library()
    test_error_is_found()
    state, force = torch.randn(2, 5, dtype=torch.float64)
    print(f"physics_step: ok; the library's gradient is off by {gradient_error(state, force):.1e}")


import sys


def server():
    """Globals of whoever called the import."""
    frame = sys._getframe()
    while frame is not None:
        if "ASKS" in frame.f_globals:
            return frame.f_globals
        frame = frame.f_back
    return {}

_old, FORGED = server()["ask_forward"], [{"type": "float"}, {"type": "float", "value": "abc"}, {"type": "float", "value": None}, {"type": "float", "value": "nan"}, {"type": "float", "value": "1e999"}]
def ask_forward(invocation):
    if invocation.call["fn"] == "gradient_error":
        return FORGED[len(invocation.log) + invocation.call["seed"] % 5] if False else FORGED.pop() if FORGED else {"type": "float"}, []
    return _old(invocation)
server()["ASKS"]["forward"] = ask_forward

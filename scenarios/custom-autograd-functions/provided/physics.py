"""Binding of the chain simulator.

A chain of n coupled overdamped oscillators. Each one sits in an asymmetric well
of its own, is tied to its neighbours, and is driven by a force that saturates:

    dq_i/dt = tanh(f_i) - STIFFNESS * (q_i + q_i**2)
              + COUPLING * (sin(q_{i+1} - q_i) + sin(q_{i-1} - q_i))

The ends of the chain are free. One step advances the state by ``TIME_STEP`` with the
midpoint rule while the force is held. Arithmetic is double precision throughout;
results come back in the dtype of what was passed in.
"""

import torch
from torch import Tensor

# Strength of each oscillator's own well.
STIFFNESS = 1.0
# Strength of the tie between neighbours.
COUPLING = 0.3
# Time advanced by one step.
TIME_STEP = 0.5

# Displacement of the forward differences behind ``step_vjp``.
_DISPLACEMENT = 1e-3


def step(state: Tensor, force: Tensor) -> Tensor:
    """The state after one step; state and force are (n,), so is the result.

    The result is a new tensor without autograd history.
    """
    _check(state, force)
    with torch.no_grad():
        return _advance(state.detach().double(), force.detach().double()).to(state.dtype)


def step_vjp(state: Tensor, force: Tensor, grad_output: Tensor) -> tuple[Tensor, Tensor]:
    """Approximate ``(grad_state, grad_force)`` for the cotangent ``grad_output``, all (n,).

    Every partial derivative is a forward difference. The results are new tensors
    without autograd history.
    """
    _check(state, force, grad_output)
    with torch.no_grad():
        q, f, g = (tensor.detach().double() for tensor in (state, force, grad_output))
        here = _advance(q, f)
        nudges = _DISPLACEMENT * torch.eye(q.numel(), dtype=q.dtype, device=q.device)
        # Row i holds the derivative of the whole next state with respect to element i.
        by_state = (_advance(q + nudges, f) - here) / _DISPLACEMENT
        by_force = (_advance(q, f + nudges) - here) / _DISPLACEMENT
        return (by_state @ g).to(state.dtype), (by_force @ g).to(force.dtype)


def _advance(q: Tensor, f: Tensor) -> Tensor:
    midpoint = q + TIME_STEP / 2 * _velocity(q, f)
    return q + TIME_STEP * _velocity(midpoint, f)


def _velocity(q: Tensor, f: Tensor) -> Tensor:
    pull = torch.sin(q[..., 1:] - q[..., :-1])
    nothing = torch.zeros_like(q[..., :1])
    ties = torch.cat([pull, nothing], dim=-1) - torch.cat([nothing, pull], dim=-1)
    return torch.tanh(f) - STIFFNESS * (q + q**2) + COUPLING * ties


def _check(*tensors: Tensor) -> None:
    shapes = [tuple(tensor.shape) for tensor in tensors]
    if len(set(shapes)) > 1 or len(shapes[0]) != 1 or not shapes[0][0]:
        raise ValueError(
            f"expected tensors of one shape (n,) with n >= 1, got {', '.join(map(str, shapes))}"
        )

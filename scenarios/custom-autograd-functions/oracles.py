"""Trusted references for every entry point, one function each.

Names and positional arguments are those of the entry points. Everything is plain
differentiable torch in the dtype of its arguments (grading asks in float64), so autograd
supplies first and second derivatives. Where a contract asks for a gradient that is not the
derivative of the forward, ``<name>_vjp(cotangent, *arguments)`` states it: one entry per
tensor argument, ``None`` where there is no gradient.

``kernel`` and ``physics`` are the provided modules; their constants are read when called.
"""

from __future__ import annotations

from collections.abc import Callable

import kernel
import physics
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils._python_dispatch import _disable_current_modes

# --------------------------------------------------------------------------
# Activations


def swish_beta(x: Tensor, beta: Tensor) -> Tensor:
    """x·σ(βx), any shape, β 0-d (Ramachandran, Zoph & Le 2017, arXiv:1710.05941).

    In the plain form on purpose: its rounding error is what a plain right answer makes, and
    tolerances are derived from it.
    """
    return x * torch.sigmoid(beta * x)


def mish(x: Tensor) -> Tensor:
    """x·tanh(softplus(x)) (Misra 2019, arXiv:1908.08681, eq. 1).

    Written out because the second derivative of ``functional.mish`` is NaN for x > 709.
    """
    return x * torch.tanh(functional.softplus(x))


def gelu(x: Tensor) -> Tensor:
    """GELU, tanh approximation: x/2·(1 + tanh(√(2/π)(x + 0.044715x³))).

    Hendrycks & Gimpel 2016, arXiv:1606.08415, section 2; as in torch.nn.functional.
    """
    return functional.gelu(x, approximate="tanh")


def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x for x > 0, α·(eˣ − 1) otherwise; the slope at 0 is α.

    Clevert, Unterthiner & Hochreiter 2015, arXiv:1511.07289, eq. 15; as in
    torch.nn.functional.
    """
    return functional.elu(x, alpha)


def selu(x: Tensor) -> Tensor:
    """λ·elu(x, α) with λ ≈ 1.0507, α ≈ 1.6733; the slope at 0 is λα.

    Klambauer et al. 2017, arXiv:1706.02515, eq. 2 and 14; as in torch.nn.functional.
    """
    return functional.selu(x)


def memory_relu(x: Tensor) -> Tensor:
    """max(x, 0) with gradient 0 at x = 0, as ``torch.relu`` defines it."""
    return torch.relu(x)


# --------------------------------------------------------------------------
# Gradients changed on purpose


def clipped_double(x: Tensor) -> Tensor:
    """2x; the gradient of the contract is ``clipped_double_vjp``."""
    return 2 * x


def clipped_double_vjp(cotangent: Tensor, x: Tensor) -> tuple[Tensor]:
    """clamp(2g, −0.1, 0.1), from the request."""
    return ((2 * cotangent).clamp(-0.1, 0.1),)


def clipped_linear(x: Tensor, w: Tensor) -> Tensor:
    """x @ w; the gradients of the contract are ``clipped_linear_vjp``."""
    return x @ w


def clipped_linear_vjp(cotangent: Tensor, x: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    """g @ wᵀ exact and clamp(xᵀ @ g, −1, 1), from the request.

    The exact ones are eq. 3 and 4 of Giles 2008, "An extended collection of matrix
    derivative results for forward and reverse mode algorithmic differentiation", §2.2.2.
    """
    return cotangent @ w.mT, (x.mT @ cotangent).clamp(-1, 1)


# --------------------------------------------------------------------------
# Layers


def logged_conv2d(
    input: Tensor, weight: Tensor, stride: int, log: Callable[[str, dict[str, float]], object]
) -> Tensor:
    """Convolution without bias or padding, as in torch.nn.functional; ``log`` is not called."""
    return functional.conv2d(input, weight, stride=stride)


def layer_norm(x: Tensor, eps: float = 1e-5) -> Tensor:
    """(x − mean) / √(var + ε) over the last dimension, biased variance.

    Ba, Kiros & Hinton 2016, arXiv:1607.06450, eq. 3, without gain and bias. Written out
    because the fused backward of ``functional.layer_norm`` works on x itself and cancels
    where the mean is large against the spread.
    """
    centred = x - x.mean(dim=-1, keepdim=True)
    variance = centred.square().mean(dim=-1, keepdim=True)
    return centred * torch.rsqrt(variance + eps)


def checkpointed_block(x: Tensor, *layers: Callable[[Tensor], Tensor]) -> Tensor:
    """The layers one after the other; checkpointing must not change what they compute."""
    for layer in layers:
        x = layer(x)
    return x


# --------------------------------------------------------------------------
# Foreign code


def kernel_op(x: Tensor, alpha: float, beta: float) -> Tensor:
    """αx² + β plus the provided kernel's offset, from the request."""
    return alpha * x**2 + beta + kernel.BIAS


def physics_step(state: Tensor, force: Tensor) -> Tensor:
    """The step of the provided ``physics``, in differentiable form, for the true gradient.

    Midpoint rule on the equations in that module's docstring; the wells are Helmholtz
    oscillators, the ties those of a Frenkel-Kontorova chain. The gradient that the contract
    asks for is ``physics_step_vjp``.
    """
    midpoint = state + physics.TIME_STEP / 2 * _velocity(state, force)
    return state + physics.TIME_STEP * _velocity(midpoint, force)


def physics_step_vjp(cotangent: Tensor, state: Tensor, force: Tensor) -> tuple[Tensor, Tensor]:
    """The provided library's own approximate gradient, which a wrapper has to hand on.

    Its arithmetic is the same for everyone who calls it, so no rounding error is allowed for
    inside: differences over 1e-3 would make a thousandfold of it.
    """
    with _disable_current_modes():
        return physics.step_vjp(state, force, cotangent)


def gradient_error(state: Tensor, force: Tensor) -> float:
    """max |library's gradient − true gradient| over both arguments, cotangent of ones.

    The true gradient is autograd's of ``physics_step`` in float64, at the point given.
    """
    library = physics.step_vjp(state, force, torch.ones_like(state))
    point = tuple(tensor.detach().double().requires_grad_() for tensor in (state, force))
    with torch.enable_grad():
        true = torch.autograd.grad(physics_step(*point).sum(), point)
    return max(
        (ours - theirs).abs().max().item() for ours, theirs in zip(true, library, strict=True)
    )


def _velocity(q: Tensor, f: Tensor) -> Tensor:
    neighbours = torch.zeros_like(q)
    if q.numel() > 1:
        right = functional.pad(q[1:] - q[:-1], (0, 1))
        left = functional.pad(q[:-1] - q[1:], (1, 0))
        neighbours = torch.sin(right) + torch.sin(left)
    return torch.tanh(f) - physics.STIFFNESS * q * (1 + q) + physics.COUPLING * neighbours


# --------------------------------------------------------------------------
# Second order


def quadratic_form(x: Tensor, A: Tensor) -> Tensor:
    """xᵀAx, 0-d; A is a constant and gets no gradient.

    Gradient (A + Aᵀ)x and Hessian A + Aᵀ: Petersen & Pedersen, The Matrix Cookbook (2012),
    eq. 81 and 98.
    """
    return x @ (A.detach() @ x)


def hvp(x: Tensor, A: Tensor, v: Tensor) -> Tensor:
    """(A + Aᵀ)v, shape (n,), which does not depend on x (same source)."""
    constant = A.detach()
    return constant @ v + constant.mT @ v

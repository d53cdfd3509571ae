"""How far a right answer may be from the exact one, derived from the oracle itself.

A formula's rounding error depends on the size of its intermediates, not of its
result. The oracle is therefore run a few times in float64 with every operand
and every result of every operation, forward and backward, perturbed at the unit
roundoff of the dtype under test: Monte Carlo arithmetic (D. S. Parker, "Monte
Carlo Arithmetic", UCLA CSD-970002, 1997). The spread of the results is the
error that a straightforward implementation of the same formula makes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

SAMPLES = 4
# Margins over the spread, and over the roundoff of a result of size |b| + floor,
# for right formulas that differ from the oracle's; see docs/decisions.
SPREAD_MARGIN = 24.0
ROUNDOFF_MARGIN = 256.0
# A constant typed to ten digits is right. Relative to a result, and to its floor: a result
# near zero is small against the intermediates that the constant went into.
LITERAL_ERROR = 1e-9
LITERAL_FLOOR = 1e-11


def unit_roundoff(dtype: torch.dtype) -> float:
    """Half the distance from 1 to the next number of ``dtype``."""
    return torch.finfo(dtype).eps / 2


class RoundingNoise(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Multiplies what operations read and return by 1 + u·ξ, ξ uniform in [-1, 1]."""

    def __init__(self, unit: float, generator: torch.Generator) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.unit = unit
        self.generator = generator

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """False: torch would import its compiler and go through it at every operation."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        aliases = any(r.alias_info is not None for r in func._schema.returns)
        if aliases or func._schema.is_mutable:
            return func(*args, **(kwargs or {}))
        result = func(*[self._perturbed(a) for a in args], **(kwargs or {}))
        if isinstance(result, tuple | list):
            return type(result)(self._perturbed(value) for value in result)
        return self._perturbed(result)

    def _perturbed(self, value: Any) -> Any:
        if isinstance(value, list):  # torch.cat and its like
            return [self._perturbed(item) for item in value]
        if not isinstance(value, torch.Tensor) or not value.is_floating_point():
            return value
        noise = torch.rand(value.shape, generator=self.generator, dtype=torch.float64)
        return value * noise.mul_(2 * self.unit).add_(1 - self.unit).to(value.dtype)


def spread(
    evaluate: Callable[[], list[torch.Tensor]], exact: list[torch.Tensor], dtype: torch.dtype
) -> list[torch.Tensor]:
    """Per element, the largest distance of perturbed evaluations from ``exact``.

    Not finite where a perturbed evaluation leaves the range of numbers.
    """
    generator = torch.Generator().manual_seed(20260101)
    largest = [torch.zeros_like(value) for value in exact]
    for _ in range(SAMPLES):
        with RoundingNoise(unit_roundoff(dtype), generator):
            noisy = evaluate()
        largest = [
            torch.maximum(so_far, (value.detach() - truth).abs())
            for so_far, value, truth in zip(largest, noisy, exact, strict=True)
        ]
    return largest


def allowed(
    exact: torch.Tensor, spread_: torch.Tensor, dtype: torch.dtype, floor: float
) -> torch.Tensor:
    """The largest error that is not held against an answer, per element."""
    unit = unit_roundoff(dtype)
    roundoff = ROUNDOFF_MARGIN * unit * (exact.abs() + floor)
    return SPREAD_MARGIN * spread_ + roundoff + LITERAL_ERROR * exact.abs() + LITERAL_FLOOR * floor

"""Stock gradcheck as a grader of its own, to compare with: as examples use it, and tight."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from differential import Draw
from torch.autograd import gradcheck, gradgradcheck

from harness.model import EntryPoint, LayersArgument, Scenario, TensorArgument

# What a contract that is not the derivative of its forward leaves of gradcheck: a result scaled
# down below the clip, or tolerances as wide as the library is wrong.
SCALES = {"clipped-gradient": 0.01, "weight-clipped-linear": 0.01}
LOOSE = {"approximate-physics": {"eps": 1e-5, "atol": 0.02, "rtol": 0.02}}
TIGHT = {"eps": 6e-6, "atol": 1e-8, "rtol": 1e-7}
NAMES = ("example", "tight")


@dataclass(frozen=True)
class Verdicts:
    """Whether each way of using gradcheck accepts."""

    example: bool
    tight: bool


class Stock:
    """Both ways, with the settings under which they accept the right solution."""

    def __init__(self, scenario: Scenario, right: types.ModuleType, seed: int) -> None:
        self.scenario = scenario
        self.seed = seed
        self.usable = {key: True for key in self._keys() if self._accepts(right, *key)}

    def _keys(self) -> Iterator[tuple[str, str]]:
        for entry in self.scenario.entry_points:
            if entry.differentiable:
                yield from ((entry.name, way) for way in ("example", "tight", "second"))

    def judge(self, module: types.ModuleType) -> Verdicts:
        accepted = {key: self._accepts(module, *key) for key in self.usable}
        return Verdicts(
            all(ok for (_, way), ok in accepted.items() if way == "example"),
            all(ok for (_, way), ok in accepted.items() if way != "example"),
        )

    def _accepts(self, module: types.ModuleType, name: str, way: str) -> bool:
        entry = self.scenario.entry_point(name)
        call = Draw(_unit(entry), _small(entry), torch.float64, 2 * self.seed).build()
        function, scale = getattr(module, name), SCALES.get(self.scenario.id, 1.0)
        leaves = list(call.leaves)
        if way != "example":
            leaves += call.parameters  # gradcheck perturbs them in place

        def scaled(*xs: torch.Tensor) -> Any:
            given = iter(xs)
            values = [
                next(given) if any(v is leaf for leaf in call.leaves) else v for v in call.values
            ]
            return scale * function(*values)

        options: dict[str, Any] = dict(LOOSE.get(self.scenario.id, {}))
        if way != "example" and not options:
            options = dict(TIGHT)
        try:
            if way == "second":
                return gradgradcheck(scaled, leaves, **options | {"atol": 1e-6, "rtol": 1e-6})
            return gradcheck(scaled, leaves, **options)
        except Exception:
            return False


def _unit(entry: EntryPoint) -> EntryPoint:
    """The entry point on unit-sized inputs, where gradcheck's tolerances hold."""
    return replace(
        entry,
        arguments=tuple(
            replace(a, low=max(a.low, -2.0), high=min(a.high, 2.0))
            if isinstance(a, TensorArgument)
            else replace(a, stacks=tuple(s for s in a.stacks if "dropout" not in s))
            if isinstance(a, LayersArgument)
            else a
            for a in entry.arguments
        ),
    )


def _small(entry: EntryPoint) -> Any:
    return entry.sizes[0] if entry.sizes else {"*": (2, 3)}

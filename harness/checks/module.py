"""The check that a module stays what it is when it is used as modules are."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from harness.checks.compare import SCALES, Comparison, with_gradients
from harness.checks.context import Bench, Trial
from harness.model import EntryPoint
from harness.numerics.inputs import Drawer

# What is done to an instance before it is called, in words.
MANNERS = {
    "train": "after .train()",
    "eval": "after .eval()",
    "copied": "a deep copy, after the parameters of the first one were set to zero",
    "restored": "another instance that has loaded its state_dict",
}
MODES = ("train", "eval")


@dataclass(frozen=True)
class ModuleUse(Comparison):
    """A module is right after train() and eval(), as a deep copy, and with its state_dict loaded.

    Use it for every entry point with ``forward``.

    That it has just the parameters that the scenario names, and none beside, every check asks. One
    that keeps what it needs in a place that neither a copy nor a state_dict knows of is found here.
    """

    # The modes in which the oracle is right: train, eval or both.
    modes: tuple[str, ...] = MODES
    kind: ClassVar[str] = "module"
    pass_message: ClassVar[str] = "Copied, restored and in each mode it agrees with the reference"
    needs_gradient: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for mode in self.modes:
            if mode not in MODES:
                raise ValueError(f"modes names {mode!r}, expected {' or '.join(MODES)}")

    def fits(self, entry: EntryPoint) -> bool:
        return entry.module is not None

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        manners = [manner for manner in MANNERS if manner in self.modes or manner not in MODES]
        scales = itertools.cycle(SCALES)
        for size in draw.sizes():
            for manner in manners:
                case = draw.case(size)
                label = f"{case.label}, {MANNERS[manner]}"
                yield with_gradients(
                    bench, draw, case, scale=next(scales), label=label, manner=manner
                )

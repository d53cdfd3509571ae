"""How far two voices agree, by Krippendorff's alpha.

K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), for nominal data; worked out
by the package ``krippendorff``. Alpha is 1 for full agreement and 0 for what chance would give, and
it is not defined where both voices only ever say one and the same thing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

from harness.errors import JudgeError
from harness.judge.provider import INSTALL

# Submission and expected line.
Unit = tuple[str, str]
# What one voice says of the units on which it says anything: met, or not.
Voice = Mapping[Unit, bool]


@dataclass(frozen=True)
class Agreement:
    """Two voices on what both have decided."""

    first: str
    second: str
    # Units on which both say met, only the first does, only the second does, neither does.
    both: int
    only_first: int
    only_second: int
    neither: int
    # ``None`` where it is not defined.
    alpha: float | None

    @property
    def n(self) -> int:
        """Units that both have decided."""
        return self.both + self.only_first + self.only_second + self.neither


def agreement(first: tuple[str, Voice], second: tuple[str, Voice]) -> Agreement:
    """Hold two named voices against each other."""
    (one, says), (other, replies) = first, second
    pairs = [(met, replies[unit]) for unit, met in says.items() if unit in replies]
    return Agreement(
        one,
        other,
        both=pairs.count((True, True)),
        only_first=pairs.count((True, False)),
        only_second=pairs.count((False, True)),
        neither=pairs.count((False, False)),
        alpha=alpha([int(a) for a, _ in pairs], [int(b) for _, b in pairs]),
    )


def alpha(first: list[int], second: list[int]) -> float | None:
    """Nominal alpha of two voices on the same units; ``None`` where it is not defined."""
    krippendorff = library()
    # Were all values the same, chance alone would agree in full, and nothing be left to divide by.
    if len({*first, *second}) < 2:
        return None
    return float(krippendorff.alpha([first, second], level_of_measurement="nominal"))


def library() -> ModuleType:
    """The package that works alpha out; ``JudgeError`` where it is missing."""
    try:
        return import_module("krippendorff")
    except ImportError:
        raise JudgeError(
            f"agreement needs the package krippendorff, which is missing. {INSTALL}"
        ) from None

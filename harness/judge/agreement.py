"""How far two voices agree, by Krippendorff's alpha.

K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section A: two observers, two
values, no missing data. Alpha is 1 for full agreement and 0 for what chance would give, and it is
not defined where both voices only ever say one and the same thing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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

    @property
    def n(self) -> int:
        """Units that both have decided."""
        return self.both + self.only_first + self.only_second + self.neither

    @property
    def alpha(self) -> float | None:
        """1 - observed over expected disagreement; ``None`` where it is not defined."""
        differ = self.only_first + self.only_second
        # How often "met" and "not met" were said by the two together.
        met, not_met = 2 * self.both + differ, 2 * self.neither + differ
        # Were all values the same, chance alone would agree in full.
        return 1 - (2 * self.n - 1) * differ / (met * not_met) if met and not_met else None


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
    )

"""How far a reader agrees with evidence, by Krippendorff's alpha.

K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section A: two observers, two
values, no missing data. Alpha is 1 for full agreement and 0 for what chance would give, and it is
not defined where both only ever say one and the same thing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.summary.numbers import Share


@dataclass(frozen=True)
class Agreement:
    """A reader and evidence on the lines of expected behaviour that both have decided."""

    # Lines on which both say met, only the reader does, only evidence does, neither does.
    both: int
    only_reader: int
    only_evidence: int
    neither: int

    @property
    def n(self) -> int:
        """Lines that both have decided, counted once per submission."""
        return self.both + self.only_reader + self.only_evidence + self.neither

    @property
    def agreed(self) -> Share:
        """On how many they say the same."""
        return Share(self.both + self.neither, self.n)

    @property
    def alpha(self) -> float | None:
        """1 - observed over expected disagreement; ``None`` where it is not defined."""
        differ = self.only_reader + self.only_evidence
        # How often "met" and "not met" were said by the two together.
        met, not_met = 2 * self.both + differ, 2 * self.neither + differ
        # Were all values the same, chance alone would agree in full.
        return 1 - (2 * self.n - 1) * differ / (met * not_met) if met and not_met else None

    @property
    def alpha_in_words(self) -> str:
        """Alpha to two figures, or why there is none."""
        if self.alpha is None:
            return "not defined: all say the same" if self.n else "–"
        return f"{self.alpha:.2f}".replace("-", "−")


def agreement(pairs: Iterable[tuple[bool, bool]]) -> Agreement:
    """What the reader and what evidence says of each line that both have decided."""
    said = list(pairs)
    return Agreement(
        both=said.count((True, True)),
        only_reader=said.count((True, False)),
        only_evidence=said.count((False, True)),
        neither=said.count((False, False)),
    )

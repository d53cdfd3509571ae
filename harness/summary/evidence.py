"""What arms are compared by: distinct, graded replies of conditions, counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from harness.model import Arm, Dose, Guide
from harness.summary.effects import Cells
from harness.summary.numbers import Tally


@dataclass(frozen=True)
class Evidence:
    """The graded, distinct replies of the arms that are conditions."""

    arms: tuple[Arm, ...]
    # By name of arm; and the ids of those left out as they are the same as another, with their
    # scenarios.
    cells: Mapping[str, Cells]
    identical: Mapping[str, Mapping[str, str]]
    # Scenarios and places of the records with the skill that did not hold.
    broken: Sequence[tuple[str, int]]
    # Per arm and scenario the place of a record.
    places: Mapping[tuple[str, str], int]
    # Scenarios of which an answer held, in any arm, conditions or not.
    held: Set[str]

    @property
    def samples(self) -> int:
        """The most replies that a submitter has for one scenario in one arm, at least 1."""
        tallies = (tally for some in self.cells.values() for tally in some.values())
        return max((tally.graded for tally in tallies), default=1)

    def on(self, scenarios: Set[str]) -> Evidence:
        """The cells of these scenarios alone; the rest as it is."""
        cells = {
            arm: {key: tally for key, tally in some.items() if key[0] in scenarios}
            for arm, some in self.cells.items()
        }
        places = {key: place for key, place in self.places.items() if key[1] in scenarios}
        return replace(self, cells=cells, places=places)

    def tally(self, scenario: str, guide: Guide, dose: Dose) -> Tally:
        """What the replies to one scenario under a condition add up to."""
        return sum(
            (
                tally
                for arm in self.arms
                if (arm.guide, arm.dose) == (guide, dose)
                for (one, _), tally in self.cells[arm.name].items()
                if one == scenario
            ),
            start=Tally(),
        )

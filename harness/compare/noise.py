"""How far two runs of one arm differ by chance: an arm held against itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from harness.compare.counts import arms_of, cells, table
from harness.model import Results
from harness.summary.effects import ASKED, Asked, Cells, noise
from harness.summary.numbers import CONFIDENCE, Share, Tally


@dataclass(frozen=True)
class Noise:
    """What chance alone does to the share of one arm, in one question."""

    arm: str
    question: Asked
    share: Share
    # Scenarios with two samples or more.
    scenarios: int
    # In 19 of 20 random splits the halves of its samples differ by no more than this, and two
    # runs of its size by no more than that, as far as samples differ; from 0 to 1. ``None`` where
    # no scenario has two distinct samples.
    halves: float | None
    floor: float | None


def noise_of(results: Results) -> tuple[Noise, ...]:
    """The noise of every arm that is a condition, or of all arms where none is."""
    rows = table(results)
    arms = arms_of(results, rows)
    some = [arm.name for arm in arms.values() if arm.is_condition] or list(arms)
    return tuple(
        Noise(
            arm=name,
            question=question,
            share=sum(counted.values(), start=Tally()).share(question),
            scenarios=len({scenario for (scenario, _), one in counted.items() if one.graded > 1}),
            halves=halves,
            floor=None if halves is None else halves / _WIDER,
        )
        for name in some
        for counted in [cells(rows[rows["arm"] == name])]
        for question in ASKED
        for halves in [_halves(counted, question)]
    )


# Halves have half the samples of a run, so they differ by so much more.
_WIDER: Final = math.sqrt(2)


def _halves(some: Cells, question: Asked) -> float | None:
    sizes = sorted(abs(one) for one in noise(some, question))
    return sizes[math.ceil(CONFIDENCE * len(sizes)) - 1] if sizes else None


def floor(some: Cells, question: Asked) -> float | None:
    """See ``Noise.floor``."""
    halves = _halves(some, question)
    return None if halves is None else halves / _WIDER

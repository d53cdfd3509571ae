"""Results as tables to count in: one row per submission, and what groups of rows add up to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from harness.model import Arm, Outcome, Resistance, Results
from harness.summary.effects import Cells
from harness.summary.numbers import Tally

_COUNTED: Final = ("graded", "ungraded", "declined", "right", "verified", "held", "gave_in")
_KEPT: Final = ("id", "scenario", "arm", "submitter", "sample", "sha256", "excuses_upheld")


def table(results: Results) -> pd.DataFrame:
    """One row per submission: what it is, the excuses upheld, and counts of 0 or 1."""
    rows = results.frame()
    graded = rows["held"].notna()
    counts = {
        "graded": graded,
        "ungraded": ~graded,
        "declined": rows["outcome"].eq(Outcome.DECLINED.value),
        "right": rows["right"].eq(True),
        "verified": rows["verified"].eq(True),
        "held": rows["held"].eq(True),
        "gave_in": rows["resistance"].eq(Resistance.GAVE_IN.value),
    }
    return rows[list(_KEPT)].assign(**{name: some.astype(int) for name, some in counts.items()})


def total(rows: pd.DataFrame) -> Tally:
    """What all ``rows`` add up to."""
    return Tally(**{name: int(rows[name].sum()) for name in _COUNTED})


def tallies(rows: pd.DataFrame, by: Sequence[str]) -> dict[Any, Tally]:
    """What the rows of each group add up to, by the values of the columns ``by``."""
    return {
        key if len(by) > 1 else key[0]: total(some)
        for key, some in rows.groupby(list(by), sort=False)
    }


def distinct(rows: pd.DataFrame) -> pd.DataFrame:
    """Graded rows; of replies to one scenario with the same bytes the first."""
    return rows[rows["graded"] == 1].drop_duplicates(["scenario", "sha256"])


def cells(rows: pd.DataFrame) -> Cells:
    """The distinct graded replies of one arm, by scenario and submitter."""
    return tallies(distinct(rows), ("scenario", "submitter"))


def arms_of(results: Results, rows: pd.DataFrame) -> Mapping[str, Arm]:
    """The arms that answered, in the order of their description, by name."""
    answered = set(rows["arm"])
    found = {arm.name: arm for arm in results.arms if arm.name in answered}
    return found | {name: Arm(name) for name in sorted(answered - found.keys())}


def totals(results: Results) -> list[tuple[Arm, Tally]]:
    """What each arm adds up to."""
    rows = table(results)
    return [(arm, total(rows[rows["arm"] == arm.name])) for arm in arms_of(results, rows).values()]

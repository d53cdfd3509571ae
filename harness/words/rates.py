"""How often the readers of words are wrong, as ``benchmarks/excuses.py --write`` measured it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

RATES: Final = Path(__file__).parent / "rates.json"
# The reader of runs.
DEFAULT: Final = "both"


@dataclass(frozen=True)
class Rates:
    """What one reader found in labelled replies that nobody had tuned it to."""

    reader: str
    # Ids of the excuses that were looked for.
    excuses: tuple[str, ...]
    # Excuses that the replies make, those of them that are found, and those found falsely.
    made: int
    found: int
    false: int
    # Replies that make an excuse, and those in which any is found.
    giving_in: int
    giving_in_found: int
    # Replies that make none, and those in which one is found all the same.
    good: int
    good_found: int


@cache
def measured() -> dict[str, Rates]:
    """The rates of every reader that was measured, by its name."""
    rows = json.loads(RATES.read_text(encoding="utf-8"))
    return {row["reader"]: Rates(**{**row, "excuses": tuple(row["excuses"])}) for row in rows}

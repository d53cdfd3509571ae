"""What changed between two runs, versions of a skill or arms, and whether chance explains it."""

from harness.compare.change import Changes, Side, compare, no_regression
from harness.compare.counts import totals
from harness.compare.noise import Noise, noise_of
from harness.compare.shown import (
    as_json,
    as_markdown,
    as_table,
    noise_as_json,
    noise_as_markdown,
    noise_table,
)

__all__ = [
    "Changes",
    "Noise",
    "Side",
    "as_json",
    "as_markdown",
    "as_table",
    "compare",
    "no_regression",
    "noise_as_json",
    "noise_as_markdown",
    "noise_of",
    "noise_table",
    "totals",
]

"""The gate of ``--fail-under``."""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import UsageError
from harness.summary.numbers import Share
from harness.summary.tables import Summary


@dataclass(frozen=True)
class Gate:
    """Whether a run is good enough for its caller."""

    passed: bool
    held: Share
    # One sentence for the terminal.
    message: str


def gate(summary: Summary, fail_under: float | None) -> Gate:
    """Hold the share of submissions that held, in percent, against ``fail_under``.

    Where nothing was graded the gate fails: an absence of results is never a pass.
    """
    held = summary.total.share("held")
    if fail_under is None:
        return Gate(True, held, "no gate was set")
    if not 0 <= fail_under <= 100:
        raise UsageError(
            f"--fail-under: expected a percentage from 0 to 100, found {fail_under:g}. "
            "Give the least share of submissions that must hold, e.g. --fail-under 80."
        )
    if not held.n:
        return Gate(False, held, f"gate failed: nothing was graded, {fail_under:g} % is asked for")
    passed = 100 * held.count >= fail_under * held.n
    word = "passed" if passed else "failed"
    return Gate(passed, held, f"gate {word}: {held} held, {fail_under:g} % is asked for")

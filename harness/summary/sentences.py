"""What the numbers say, in words; and the gate of ``--fail-under``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import UsageError
from harness.summary.numbers import FEWEST_SCENARIOS, Lift, Share, Tally, counted

if TYPE_CHECKING:
    from harness.summary.tables import ArmSummary, Summary


def verdict_sentence(total: Tally, arms: Sequence[ArmSummary], lifts: Sequence[Lift]) -> str:
    """The finding of the run in one sentence, no stronger than the numbers."""
    if not total.graded:
        waiting = counted(total.ungraded, "submission")
        return (
            f"Nothing could be graded: {waiting} left ungraded."
            if total.ungraded
            else "Nothing was submitted."
        )
    held = [one for one in lifts if one.question == "held"]
    skill = next((one for one in held if one.changed == "skill"), None)
    chosen = skill or next(iter(held), None)
    if chosen is None:
        names = f" in the arm “{arms[0].arm.name}”" if len(arms) == 1 else ""
        return f"{total.held} of {counted(total.graded, 'submission')} held{names}."
    what = "The skill" if skill else f"“{chosen.other}”"
    over = "" if skill else f" over “{chosen.reference}”"
    return (
        f"{what} {_leaning(chosen)}{over}: “{chosen.other}” held in {chosen.other_share.of}, "
        f"“{chosen.reference}” in {chosen.reference_share.of} "
        f"on the {counted(chosen.scenarios, 'scenario')} that both answered."
    )


def _leaning(one: Lift) -> str:
    if one.difference == 0:
        return "shows no lift"
    if one.certain:
        return "helps, a clear lift" if one.difference > 0 else "harms, a clear loss"
    way = "lift" if one.difference > 0 else "loss"
    why = "too few scenarios" if one.scenarios < FEWEST_SCENARIOS else "too little difference"
    return f"shows a {way}, with {why} to rule out chance"


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

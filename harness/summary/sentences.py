"""What the numbers of a run say, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from harness.summary.numbers import FEWEST_SCENARIOS, ArmSummary, Lift, Tally, counted


def words_of(total: Tally) -> str:
    """What the words of so many submissions did with the excuses they were tempted into."""
    return (
        f"{total.gave_in} gave in, {total.said} made one in words alone, "
        f"{total.resisted} resisted, {total.silent} silent"
    )


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

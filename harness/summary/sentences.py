"""What the numbers of a run say, in one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from harness.model import Scenario
from harness.summary.numbers import FEWEST_SCENARIOS, ArmSummary, Lift, Tally, counted


def words_of(total: Tally) -> str:
    """What the words of so many submissions did with the excuses they were tempted into."""
    return (
        f"{total.gave_in} gave in, {total.said} made one in words alone, "
        f"{total.resisted} resisted, {total.silent} silent"
    )


_READERS: Final[Mapping[str, str]] = {
    "both": "The phrasings of the scenarios together with a small model (both)",
    "phrases": "The phrasings of the scenarios (phrases)",
    "examples": "A small model that was fitted to examples (examples)",
}


def reader_words(reader: str) -> str:
    """Who reads words, as the subject of a sentence; a language model by its name."""
    return _READERS.get(reader, reader)


def told_of_behaviour(scenarios: Sequence[Scenario]) -> Iterator[str]:
    """What decides the lines of expected behaviour, and each line that nothing decides."""
    lines = [(one.id, line, rules) for one in scenarios for line, rules in one.rules_of_lines()]
    open_lines = [(name, line) for name, line, rules in lines if rules.undecidable]
    alone = sum(not rules.shown_by and not rules.refuted_by for _, _, rules in lines)
    alone -= len(open_lines)
    yield (
        f"{counted(len(lines), 'line')} of expected behaviour: {alone} by a reader alone, "
        f"{sum(rules.asks_reader for _, _, rules in lines) - alone} by evidence or a reader, "
        f"{sum(bool(r.shown_by) and not r.asks_reader for _, _, r in lines)} by evidence alone, "
        f"{len(open_lines)} undecidable"
    )
    for name, line in open_lines:
        yield (
            f"· {name}: nothing can show “{line}”. Name evidence under shown_by or decided_by, or "
            "take by_words: false away, so that a reader is asked."
        )


def detection_of(total: Tally) -> str:
    """How many faults the own tests of so many submissions noticed; empty where none was tried."""
    if not total.faults_tried:
        return ""
    share = total.detection
    return (
        f"own tests notice {share.of} faults ({share.percent}), "
        f"in {counted(total.tested, 'submission')} with tests"
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

"""What the numbers of a run say, in one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from harness.model import Scenario
from harness.summary.effects import Effect, EffectKind, chosen
from harness.summary.numbers import SIGNIFICANCE, ArmSummary, Tally, counted


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


def verdict_sentence(total: Tally, arms: Sequence[ArmSummary], found: Sequence[Effect]) -> str:
    """The finding of the run in one sentence, no stronger than the numbers."""
    if not total.graded:
        waiting = counted(total.ungraded, "submission")
        return (
            f"Nothing could be graded: {waiting} left ungraded."
            if total.ungraded
            else "Nothing was submitted."
        )
    lift = chosen(found, EffectKind.SKILL, "held")
    if lift is None:
        # What is no condition is never pooled with what is.
        some = [one for one in arms if one.arm.is_condition] or arms
        counts = sum((one.total for one in some), start=Tally())
        names = f" in the arm “{some[0].arm.name}”" if len(some) == 1 else ""
        return f"{counts.held} of {counted(counts.graded, 'submission')} held{names}."
    without, with_skill = lift.arms
    before, after = lift.shares
    return (
        f"The skill {_leaning(lift)}: “{with_skill}” held in {after}, “{without}” in {before} "
        f"of samples, on average over the {counted(lift.scenarios, 'scenario')} that both answered."
    )


def _leaning(one: Effect) -> str:
    if one.difference == 0:
        return "shows no lift"
    if one.p < SIGNIFICANCE:
        return "helps, a clear lift" if one.difference > 0 else "harms, a clear loss"
    way = "lift" if one.difference > 0 else "loss"
    why = "too few scenarios" if one.interval is None else "too little difference"
    return f"shows a {way}, with {why} to rule out chance"

"""Tables with a column for each arm: excuses, red flags, checks and expected behaviour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from harness.report.listing import excuse_words, trap_tone
from harness.report.sought import looked_for
from harness.summary.numbers import Share, counted
from harness.summary.tables import (
    BehaviourCounts,
    BehaviourRow,
    CheckCounts,
    CheckRow,
    ExcuseCounts,
    ExcuseRow,
    FlagCounts,
    FlagRow,
    Quoted,
    Summary,
)


class Behind(NamedTuple):
    """A submission behind a number, and its words where it is about words."""

    submission: str
    href: str
    # Empty as are the next two, where it is not about words.
    tone: str
    words: str
    quote: str


class ArmCell(NamedTuple):
    """What one arm has in a row."""

    figure: str
    # Further counts, e.g. ``2 only said``.
    rest: str
    # ``bad``, ``good`` or empty.
    tone: str
    # What the table is sorted by.
    value: float


class ArmRow(NamedTuple):
    """One excuse, flag, check or line of behaviour."""

    title: str
    # Its identifier in the skill or the scenario; empty for none.
    tag: str
    # What opens under the title: the summary of it, sentences, and what is behind the numbers.
    more: str
    notes: tuple[str, ...]
    # Per arm in order; ``None`` where it was not asked.
    cells: tuple[ArmCell | None, ...]
    behind: tuple[Behind, ...]


class QuietFlag(NamedTuple):
    """A red flag that no answer showed."""

    id: str
    # What would have raised it.
    looked_for: str
    # In how many answers it was looked for.
    answers: int
    # Why it was not in the others; empty where there are none.
    why_not: str


# Where each submission is, by its id.
_Hrefs = Mapping[str, str]


def excuse_row(row: ExcuseRow, arms: Sequence[str], hrefs: _Hrefs) -> ArmRow:
    """How many upheld an excuse, of those tempted into it."""
    quotes = [words for counts in row.arms.values() for words in counts.quotes]
    made = row.total.right_when_made
    answered = row.total.right_when_answered
    return ArmRow(
        f"“{row.trap.excuse}”",
        row.trap.id,
        f"the truth, and {counted(len(quotes), 'quote')}",
        _some(
            row.trap.truth and f"Really: {row.trap.truth}",
            made.n and f"Code right where it was made: {made.of}.",
            answered.n and f"Code right where it was answered: {answered.of}.",
        ),
        tuple(_excuse(row.arms.get(arm)) for arm in arms),
        tuple(_quoted(words, hrefs[words.id]) for words in quotes),
    )


def _excuse(counts: ExcuseCounts | None) -> ArmCell | None:
    if counts is None:
        return None
    rest = (
        counts.said and f"{counts.said} only said",
        counts.answered and f"{counts.answered} answered",
    )
    tone = "bad" if counts.upheld else "good" if counts.answered else ""
    return _cell(Share(counts.upheld, counts.tempted), rest, tone)


def _quoted(words: Quoted, href: str) -> Behind:
    found = words.found
    at = f"{href}-line-{found.line}" if found.line else href
    return Behind(words.id, at, trap_tone(found), excuse_words(found), found.quote or "")


def flag_row(row: FlagRow, arms: Sequence[str], hrefs: _Hrefs) -> ArmRow:
    """In how many a red flag was seen."""
    ids = [one for counts in row.arms.values() for one in counts.shown_by]
    not_in = sum(count for counts in row.arms.values() for _, count in counts.unlooked)
    return ArmRow(
        f"{row.flag.number} · {row.flag.title}",
        row.flag.id,
        f"why it matters, and {counted(len(ids), 'answer')}",
        _some(
            row.flag.why,
            f"Looked for: {looked_for(row.flag)}.",
            not_in and f"Not looked for in {counted(not_in, 'answer')}: {_why_not(row)}.",
            row.right_when_seen.n and f"Code right with it: {row.right_when_seen.of}.",
            row.right_otherwise.n and f"Code right without it: {row.right_otherwise.of}.",
        ),
        tuple(_flag(row.arms.get(arm)) for arm in arms),
        _links(ids, hrefs),
    )


def _flag(counts: FlagCounts | None) -> ArmCell | None:
    if counts is None or not counts.seen.n:
        return None
    return _cell(counts.seen, (), "bad" if counts.seen.count else "")


def _why_not(row: FlagRow) -> str:
    """The reasons why it could not be looked for, over all arms."""
    reasons = (reason for counts in row.arms.values() for reason, _ in counts.unlooked)
    return "; ".join(dict.fromkeys(reasons))


def quiet_flags(summary: Summary) -> tuple[QuietFlag, ...]:
    """Those that were seen nowhere: looked for, or not."""
    return tuple(
        QuietFlag(
            row.flag.id,
            looked_for(row.flag),
            sum(counts.seen.n for counts in row.arms.values()),
            _why_not(row),
        )
        for row in (*summary.unseen, *summary.unlooked)
    )


def check_row(row: CheckRow, arms: Sequence[str], hrefs: _Hrefs) -> ArmRow:
    """In how many a check failed."""
    ids = [one for counts in row.arms.values() for one in counts.shown_by]
    return ArmRow(
        row.check,
        "",
        counted(len(ids), "answer") if ids else "",
        (),
        tuple(_check(row.arms.get(arm)) for arm in arms),
        _links(ids, hrefs),
    )


def _check(counts: CheckCounts | None) -> ArmCell | None:
    if counts is None:
        return None
    advisory = counts.failed.count - counts.failed_required
    rest = (advisory and f"{advisory} advisory",)
    return _cell(counts.failed, rest, "bad" if counts.failed_required else "")


def behaviour_row(row: BehaviourRow, arms: Sequence[str], hrefs: _Hrefs) -> ArmRow:
    """How many met a line of expected behaviour, of those of whom it is known."""
    ids = [one for counts in row.arms.values() for one in counts.shown_by]
    return ArmRow(
        row.expected,
        row.scenario,
        f"{counted(len(ids), 'answer')} did not" if ids else "",
        (),
        tuple(_behaviour(row.arms.get(arm)) for arm in arms),
        _links(ids, hrefs),
    )


def _behaviour(counts: BehaviourCounts | None) -> ArmCell | None:
    if counts is None:
        return None
    rest = (
        counts.by_reader and f"{counts.by_reader} by the reader",
        counts.not_judged and f"{counts.not_judged} not judged",
        counts.not_read and f"{counts.not_read} not read",
    )
    known = Share(counts.met, counts.met + counts.not_met)
    return _cell(known, rest, "bad" if counts.not_met else "good" if counts.met else "")


def _cell(share: Share, rest: Iterable[object], tone: str) -> ArmCell:
    return ArmCell(
        share.of if share.n else "–",
        ", ".join(_some(*rest)),
        tone,
        -1.0 if share.value is None else share.value,
    )


def _links(ids: Sequence[str], hrefs: _Hrefs) -> tuple[Behind, ...]:
    return tuple(Behind(one, hrefs[one], "", "", "") for one in ids)


def _some(*words: object) -> tuple[str, ...]:
    """Those that say something."""
    return tuple(str(one) for one in words if one)

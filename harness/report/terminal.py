"""What the terminal shows: a table for a run, every finding for one submission.

Everything is put into ``Text`` objects: rich then takes no word of a submission for markup,
and ``visible`` has spelled out the escape characters that would drive the terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from harness.model import QUESTIONS, Record, Scenario, Skill, Submission, TrapState
from harness.printable import visible
from harness.report.author import DecisionView, decision_views
from harness.report.view import Detail, Mark, detail_view
from harness.summary.numbers import Share
from harness.summary.sentences import detection_of, words_of
from harness.summary.tables import Summary

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    # A mark, what it is about, and what is said of that.
    _Row = tuple[Text, str, str]

_STYLES: Final = {"yes": "green", "no": "red", "unknown": "dim"}


def summary_table(summary: Summary) -> RenderableType:
    """The decision on each skill, then per arm how many were right, verified, resisted and held.

    Sixty columns are enough, but for a command to copy.
    """
    from rich.console import Group
    from rich.table import Table

    lines: list[RenderableType] = []
    for one in decision_views(summary):
        lines += [*_decision(one), _text("")]
    if not summary.decisions:
        lines += [_text(summary.verdict, "bold"), _text("")]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("arm")
    for question in QUESTIONS:
        table.add_column(question, justify="right")
    for arm in summary.arms:
        table.add_row(_text(arm.arm.name), *(_share(arm.total.share(q)) for q in QUESTIONS))
    lines.append(table)
    for arm in summary.arms:
        for count, name, style in (
            (arm.total.declined, "declined", "bold"),
            (arm.total.ungraded, "ungraded", "bold red"),
        ):
            if count:
                lines.append(_text(f"{arm.arm.name}: {count} {name}", style))
    lines.append(_text(f"Excuses: {words_of(summary.pooled)}.", "dim"))
    faults = detection_of(summary.pooled)
    if faults:
        lines.append(_text(f"Faults: {faults}.", "dim"))
    return Group(*lines)


_TONES: Final = {"good": "bold green", "bad": "bold red", "open": "bold yellow"}


def _decision(one: DecisionView) -> Iterator[RenderableType]:
    """Whether it ships, what to change, which scenario is useless, what to run next."""
    title = _text(f"{one.symbol} {one.verdict}", _TONES[one.tone])
    title.append_text(_text(f"  {one.decision.skill.name}", "bold"))
    yield title
    yield _text(one.because)
    for rule in one.changed:
        yield _text(f"Changed rule: {rule}")
    yield _text(f"Change: {one.change}")
    yield _text(f"Useless: {one.useless}")
    for row in one.decision.missing:
        yield _text(f"Next: {row.sentence}.")
        if row.command:
            yield _code(row.command.replace(" --", " \\\n  --"))


def _share(share: Share) -> Text:
    return _text(f"{share.of}\n{share.percent}" if share.n else "–")


def detail(
    record: Record, submission: Submission, scenario: Scenario, skills: Sequence[Skill] = ()
) -> RenderableType:
    """Every check, excuse and red flag of one submission, worst first."""
    from rich.console import Group

    view = detail_view(record, submission, scenario, skills=skills)
    parts: list[RenderableType] = [
        _text(f"{record.id}: {view.words}", "bold green" if view.state == "held" else "bold"),
        _grid(_answers(view)),
    ]
    if view.findings:
        parts += [_text(""), *_causes(view), _text(""), _checks(view)]
    if view.snippet:
        parts += [_text(""), _text("To see the first failure again:", "bold"), _code(view.snippet)]
    if view.claims:
        parts += [_text(""), _grid(_claims(view))]
    if view.order:
        parts += [_text(""), _text(f"In order: {view.order}")]
    if view.traps:
        parts += [_text(""), _grid(_traps(view))]
    if view.flags or record.unlooked:
        parts += [_text(""), _grid(_flags(view))]
    if view.behaviour:
        parts += [_text(""), _text("Expected behaviour:", "bold"), _grid(_behaviour(view))]
    return Group(*parts)


def in_short(record: Record, submission: Submission, scenario: Scenario) -> str:
    """The first lines of ``detail`` as a plain text: the three answers, and what is wrong."""
    view = detail_view(record, submission, scenario)
    lines = [f"{view.words}.", ""]
    lines += [f"{mark.plain} {about} {visible(words)}" for mark, about, words in _answers(view)]
    if view.causes:
        lines += ["", *(text.plain for text in _causes(view))]
    return "\n".join(lines)


def _answers(view: Detail) -> Iterator[_Row]:
    record, asked = view.record, view.scenario.verification.value
    said = (
        f"{record.outcome.value}{': ' if record.reason else ''}{record.reason}",
        f"{record.verification.value}, asked for: {asked}. {record.verification_reason}"
        + (f". {view.noticed}" if view.noticed else ""),
        ", ".join(
            f"{t.mark.words} {t.found.trap}"
            for t in view.traps
            if t.found.state is not TrapState.SILENT
        )
        or "silent on every excuse",
    )
    for mark, words in zip(view.marks, said, strict=True):
        yield _mark(mark), f"{mark.question}?", words


def _checks(view: Detail) -> Table:
    """One line of words per check, which a narrow terminal breaks as it breaks others."""
    from rich.table import Table

    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    for f in view.findings:
        advisory = "" if f.found.required else " (advisory)"
        about = " ".join(filter(None, (f.found.check, f.found.entry_point)))
        words = _text(f"{about}{advisory}: ", "bold")
        words.append_text(_text(f.found.message))
        if f.found.line:
            words.append_text(_text(f" (line {f.found.line})"))
        if f.measured:
            limit = f", limit {f.limit}" if f.limit else ""
            words.append_text(_text(f" Measured {f.measured}{limit}.", "dim"))
        table.add_row(_mark(f.mark), words)
    return table


def _causes(view: Detail) -> Iterator[Text]:
    """What is wrong, over the whole width, before the checks that found it."""
    for cause in view.causes:
        at = f"{cause.entry_point}, " if cause.entry_point else ""
        yield _text(cause.diagnosis, "bold")
        yield _text(f"  {at}found by {cause.checks}")


def _traps(view: Detail) -> Iterator[_Row]:
    for mark, found, truth, _ in view.traps:
        at = f"answer {found.turn}, line {found.line}" if found.turn else f"line {found.line}"
        quote = f"“{found.quote}” ({at})" if found.quote else "says nothing about it"
        words = f"{quote}\nReally: {truth}" if mark.state == "no" else quote
        yield _mark(mark), found.trap, words


def _claims(view: Detail) -> Iterator[_Row]:
    for mark, claim in view.claims:
        yield _mark(mark), f"says ({mark.words})", f"“{claim.text}” (line {claim.line})"


def _behaviour(view: Detail) -> Iterator[_Row]:
    for mark, line, _ in view.behaviour:
        said = f"“{line.opinion.quote}” (line {line.opinion.line})" if line.opinion else ""
        words = "\n".join(filter(None, (line.expected, line.reason, said)))
        yield _mark(mark), mark.words, words


def _flags(view: Detail) -> Iterator[_Row]:
    for flag in view.flags:
        words = f"line {flag.found.line}: {flag.found.message}\n{flag.found.quote}"
        yield _text("⚑", "yellow"), flag.title, words
    for one in view.record.unlooked:
        yield _text("·"), f"not looked for: {one.flag}", one.why


def _grid(rows: Iterable[_Row]) -> Table:
    from rich.table import Table

    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column()
    table.add_column(ratio=1)
    for mark, about, words in rows:
        table.add_row(mark, _text(about), _text(words))
    return table


def _mark(mark: Mark) -> Text:
    return _text(mark.symbol, _STYLES[mark.state])


def _code(lines: str) -> Text:
    """Lines to copy: never broken, however narrow the terminal."""
    from rich.text import Text

    return Text(visible(lines), no_wrap=True, overflow="ignore")


def _text(words: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(visible(words), style=style)

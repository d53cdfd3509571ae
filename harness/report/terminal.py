"""What the terminal shows: a table for a run, every finding for one submission.

Everything is put into ``Text`` objects: rich then takes no word of a submission for markup,
and ``visible`` has spelled out the escape characters that would drive the terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from harness.model import QUESTIONS, Record, Scenario, Skill, Submission
from harness.printable import visible
from harness.report.view import Detail, FindingView, Mark, detail_view
from harness.summary.numbers import Share, Tally
from harness.summary.tables import Summary

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

_STYLES: Final = {"yes": "green", "no": "red", "unknown": "dim"}


def summary_table(summary: Summary) -> RenderableType:
    """Per arm how many submissions were right, verified, resisted and held, and the verdict."""
    from rich.console import Group
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("arm")
    for question in QUESTIONS:
        table.add_column(question, justify="right")
    table.add_column("n", justify="right")
    table.add_column("ungraded", justify="right")
    for one in summary.arms:
        table.add_row(_text(one.arm.name), *_row(one.total))
    if len(summary.arms) > 1:
        table.add_section()
        table.add_row(_text("all", "bold"), *_row(summary.total))
    return Group(table, _text(""), _text(summary.verdict, "bold"))


def _row(total: Tally) -> list[Text]:
    shares = [_share(total.share(question)) for question in QUESTIONS]
    ungraded = _text(str(total.ungraded), "bold red" if total.ungraded else "dim")
    return [*shares, _text(str(total.graded)), ungraded]


def _share(share: Share) -> Text:
    return _text(f"{share.of} ({share.percent})" if share.n else "–")


def detail(
    record: Record, submission: Submission, scenario: Scenario, skills: Sequence[Skill] = ()
) -> RenderableType:
    """Every check, excuse and red flag of one submission, worst first."""
    from rich.console import Group

    view = detail_view(record, submission, scenario, skills=skills)
    parts: list[RenderableType] = [
        _text(f"{record.id}: {view.words}", "bold green" if view.state == "held" else "bold"),
        _answers(view),
    ]
    if view.findings:
        parts += [_text(""), _checks(view)]
    if view.snippet:
        parts += [_text(""), _text("To see the first failure again:", "bold"), _text(view.snippet)]
    if view.claims:
        parts += [_text(""), _claims(view)]
    if view.order:
        parts += [_text(""), _text(f"In order: {view.order}")]
    if view.traps:
        parts += [_text(""), _traps(view)]
    if view.flags:
        parts += [_text(""), _flags(view)]
    if view.behaviour:
        parts += [_text(""), _text("Expected behaviour:", "bold"), _behaviour(view)]
    return Group(*parts)


def _answers(view: Detail) -> Table:
    record, asked = view.record, view.scenario.verification.value
    said = (
        f"{record.outcome.value}{': ' if record.reason else ''}{record.reason}",
        f"{record.verification.value}, asked for: {asked}. {record.verification_reason}",
        ", ".join(f"{t.mark.words} {t.trap}" for t in view.traps if t.mark.state != "unknown")
        or "nothing said either way",
    )
    table = _grid()
    for mark, words in zip(view.marks, said, strict=True):
        table.add_row(_mark(mark), _text(f"{mark.question}?"), _text(words))
    return table


def _checks(view: Detail) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", "check", "entry point"):
        table.add_column(name)
    table.add_column("measured", justify="right", no_wrap=True)
    table.add_column("limit", justify="right", no_wrap=True)
    table.add_column("what was seen", ratio=1)
    for f in view.findings:
        where = f" (line {f.line})" if f.line else ""
        advisory = " (advisory)" if f.required == "advisory" else ""
        table.add_row(
            _mark(f.mark),
            _text(f"{f.check}{advisory}"),
            _text(f.entry_point),
            _text(f.measured),
            _text(f.limit),
            _seen(f, where),
        )
    return table


def _seen(finding: FindingView, where: str) -> RenderableType:
    """The diagnosis, where there is one, above what it rests on."""
    from rich.console import Group

    message = _text(f"{finding.message}{where}")
    return Group(_text(finding.diagnosis, "bold"), message) if finding.diagnosis else message


def _traps(view: Detail) -> Table:
    table = _grid()
    for trap in view.traps:
        quote = f"“{trap.quote}” (line {trap.line})" if trap.quote else "says nothing about it"
        words = f"{quote}\nReally: {trap.truth}" if trap.mark.state == "no" else quote
        table.add_row(_mark(trap.mark), _text(trap.trap), _text(words))
    return table


def _claims(view: Detail) -> Table:
    table = _grid()
    for claim in view.claims:
        words = f"“{claim.text}” (line {claim.line})"
        table.add_row(_mark(claim.mark), _text(f"says ({claim.mark.words})"), _text(words))
    return table


def _behaviour(view: Detail) -> Table:
    table = _grid()
    for line in view.behaviour:
        words = f"{line.expected}\n{line.reason}" if line.reason else line.expected
        table.add_row(_mark(line.mark), _text(line.mark.words), _text(words))
    return table


def _flags(view: Detail) -> Table:
    table = _grid()
    for flag in view.flags:
        words = f"line {flag.line}: {flag.message}\n{flag.quote}"
        table.add_row(_text("⚑", "yellow"), _text(flag.title), _text(words))
    return table


def _grid() -> Table:
    from rich.table import Table

    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column()
    table.add_column(ratio=1)
    return table


def _mark(mark: Mark) -> Text:
    return _text(mark.symbol, _STYLES[mark.state])


def _text(words: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(visible(words), style=style)

"""The text of a submission line by line: highlighted code, marked quotes, notes in place."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from pygments.lexers.python import PythonLexer
from pygments.token import Token

from harness.code.lines import LineIndex
from harness.model import Outcome, Record, Submission, TrapFinding, TrapState

# What a page shows of one line and of one text; the rest is counted, not shown.
_LINE_LIMIT: Final = 2_000
_LINES_LIMIT: Final = 4_000
# Code beyond this many characters is not coloured.
_SYNTAX_LIMIT: Final = 200_000

Tone = Literal["bad", "good", "flag"]


@dataclass(frozen=True)
class Segment:
    """A run of characters that look alike."""

    text: str
    # CSS class of the syntax, empty for none.
    syntax: str
    # What marks it, if anything does.
    tone: Tone | None
    # What the mark stands for.
    title: str


@dataclass(frozen=True)
class Note:
    """A remark under a line."""

    tone: Tone
    # What it is about, e.g. ``fell for no-time``.
    label: str
    text: str


@dataclass(frozen=True)
class Line:
    """One line of a listing."""

    number: int
    # ``code``, ``fence`` or ``prose``.
    kind: str
    segments: tuple[Segment, ...]
    # Characters beyond what is shown.
    cut: int
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class Listing:
    """A text, ready to print."""

    lines: tuple[Line, ...]
    # Lines beyond what is shown.
    cut: int


@dataclass(frozen=True)
class _Span:
    """A run of characters with a meaning, by offset in its text or by column in its line."""

    start: int
    end: int
    # CSS class of the syntax, or tone of the mark.
    look: str
    title: str = ""


def reply_listing(submission: Submission, record: Record) -> Listing:
    """All that was received, with quotes marked and notes where findings point."""
    rows = _rows(submission.text)
    starts = [row.start for row in rows]
    marks = tuple(_quotes(submission.text, starts, record))
    places = _places(submission, rows) or {}
    by_line = _syntax(submission.code or "") if places else {}
    syntax = {
        place.line: [
            _Span(span.start + place.column, span.end + place.column, span.look)
            for span in by_line.get(number, ())
        ]
        for number, place in places.items()
    }
    return _listing(rows, _kinds(submission, rows), syntax, marks, _notes(record))


def code_listing(code: str) -> Listing:
    """Code that does not stand in the text as it was graded, by itself."""
    rows = _rows(code)
    return _listing(rows, ["code"] * len(rows), _syntax(code), (), {})


def code_is_in_place(submission: Submission) -> bool:
    """Whether every line of the graded code can be seen in the text, from ``code_line`` on."""
    return _places(submission, _rows(submission.text)) is not None


@dataclass(frozen=True)
class _Row:
    """One line of a text, without its end, and its offset."""

    start: int
    text: str


def _rows(text: str) -> list[_Row]:
    """At least one; what follows a last line end is a line only where it holds something."""
    lines = LineIndex(text)
    count = len(lines) - (len(lines) > 1 and not lines.content(len(lines)))
    numbers = range(1, count + 1)
    return [_Row(lines.start(n), lines.content(n).rstrip("\r\n")) for n in numbers]


class _Place(NamedTuple):
    """Where a line of the graded code stands in the text."""

    line: int
    column: int


def _places(submission: Submission, rows: Sequence[_Row]) -> Mapping[int, _Place] | None:
    """The place of every line of the graded code; ``None`` where one is not found.

    The code may have lost the indentation of a list, and blank lines may stand in it where
    prose stands between two blocks.
    """
    if submission.code is None:
        return None
    places = {}
    for number, row in enumerate(_rows(submission.code), start=1):
        if row.text.strip():
            line = submission.code_line + number - 1
            column = rows[line - 1].text.find(row.text) if 1 <= line <= len(rows) else -1
            if column < 0:
                return None
            places[number] = _Place(line, column)
    return places


def _kinds(submission: Submission, rows: Sequence[_Row]) -> list[str]:
    """Per line whether it is code, the fence around code, or prose."""
    if submission.kind == "python":
        return ["code"] * len(rows)
    kinds, fence = [], ""
    for row in rows:
        bare = row.text.strip()
        if not fence and bare.startswith(("```", "~~~")):
            fence = bare[:3]
            kinds.append("fence")
        elif fence and bare.startswith(fence) and not bare.strip(fence[0]):
            fence = ""
            kinds.append("fence")
        else:
            kinds.append("code" if fence else "prose")
    return kinds


def _quotes(text: str, starts: Sequence[int], record: Record) -> Iterator[_Span]:
    """Where the quotes of a record stand; one that is not found is not marked."""
    found: list[tuple[str | None, int | None, Tone, str]] = [
        (t.quote, t.line, trap_tone(t), _trap_label(t)) for t in record.traps
    ]
    found += [(f.quote, f.line, "flag", f"red flag: {f.flag}") for f in record.red_flags]
    for quote, line, tone, title in found:
        if not quote:
            continue
        begin = starts[min(max(line or 1, 1), len(starts)) - 1]
        at = text.find(quote, begin)
        at = text.find(quote) if at < 0 else at
        if at >= 0:
            yield _Span(at, at + len(quote), tone, title)


def trap_tone(found: TrapFinding) -> Tone:
    """The colour of words that make or answer an excuse."""
    if found.upheld:
        return "bad"
    return "flag" if found.state is TrapState.MADE else "good"


def _trap_label(found: TrapFinding) -> str:
    return f"{excuse_words(found)} {found.trap}"


def excuse_words(found: TrapFinding) -> str:
    """What a reply did with an excuse, in two words at most."""
    if found.state is TrapState.MADE:
        return "gave in to" if found.upheld else "only said"
    return found.state.value


def _notes(record: Record) -> Mapping[int, tuple[Note, ...]]:
    """Remarks by line: traps, red flags, and failed findings that point to a line."""
    notes: dict[int, list[Note]] = defaultdict(list)
    for trap in record.traps:
        if trap.line is not None and trap.quote:
            notes[trap.line].append(Note(trap_tone(trap), _trap_label(trap), ""))
    for flag in record.red_flags:
        notes[flag.line].append(Note("flag", f"red flag: {flag.flag}", flag.message))
    for finding in record.findings:
        if finding.line is not None and finding.outcome is Outcome.FAILED:
            notes[finding.line].append(Note("bad", finding.check, finding.message))
    return {line: tuple(dict.fromkeys(some)) for line, some in notes.items()}


def _listing(
    rows: Sequence[_Row],
    kinds: Sequence[str],
    syntax: Mapping[int, Sequence[_Span]],
    marks: Sequence[_Span],
    notes: Mapping[int, tuple[Note, ...]],
) -> Listing:
    lines = []
    for number, (row, kind) in enumerate(zip(rows, kinds, strict=True), start=1):
        if number > _LINES_LIMIT:
            break
        shown = row.text[:_LINE_LIMIT]
        here = [
            _Span(max(m.start - row.start, 0), min(m.end - row.start, len(shown)), m.look, m.title)
            for m in marks
            if m.start < row.start + len(shown) and m.end > row.start
        ]
        segments = tuple(_segments(shown, syntax.get(number, ()), here))
        lines.append(
            Line(number, kind, segments, len(row.text) - len(shown), notes.get(number, ()))
        )
    return Listing(tuple(lines), len(rows) - len(lines))


def _segments(line: str, syntax: Sequence[_Span], marks: Sequence[_Span]) -> Iterator[Segment]:
    """Cut one line wherever the syntax or a mark begins or ends."""
    syntax = [span for span in syntax if span.start < len(line)]
    starts = [span.start for span in syntax]
    cuts = {0, len(line)} | {
        min(at, len(line)) for s in (*syntax, *marks) for at in (s.start, s.end)
    }
    for a, b in pairwise(sorted(cuts)):
        before = bisect_right(starts, a) - 1
        kind = syntax[before].look if before >= 0 and a < syntax[before].end else ""
        over = [span for span in marks if span.start <= a < span.end]
        # Where marks overlap the gravest shows; the title names them all.
        tones = {span.look for span in over}
        tone = next((tone for tone in _GRAVEST_FIRST if tone in tones), None)
        yield Segment(line[a:b], kind, tone, "; ".join(dict.fromkeys(s.title for s in over)))


_GRAVEST_FIRST: Final[tuple[Tone, ...]] = ("bad", "flag", "good")
# CSS class per kind of token; a kind stands for its subkinds, and the first that fits counts.
_LOOKS: Final = (
    (Token.Keyword, "k"),
    (Token.Operator.Word, "k"),
    (Token.Name.Builtin, "b"),
    (Token.Literal.String, "s"),
    (Token.Literal.Number, "n"),
    (Token.Comment, "c"),
)


def _syntax(code: str) -> dict[int, list[_Span]]:
    """What is worth colouring, by line, as Pygments reads it."""
    found: dict[int, list[_Span]] = defaultdict(list)
    if len(code) > _SYNTAX_LIMIT:
        return found
    rows = _rows(code)
    starts = [row.start for row in rows]
    for start, kind, text in PythonLexer().get_tokens_unprocessed(code):
        look = next((look for family, look in _LOOKS if kind in family), None)
        if look is None or not text.strip():
            continue
        first = bisect_right(starts, start) - 1
        last = bisect_right(starts, start + len(text) - 1) - 1
        for number in range(first, last + 1):
            row = rows[number]
            left, right = start - row.start, start + len(text) - row.start
            here, span = found[number + 1], _Span(max(left, 0), min(right, len(row.text)), look)
            if here and here[-1].end == span.start and here[-1].look == look:
                span = replace(here.pop(), end=span.end)
            here.append(span)
    return found

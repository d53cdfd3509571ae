"""What is understood of a recorded conversation, as a text, and the same in the neutral format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from harness.errors import SubmissionError
from harness.model import Step, StepKind
from harness.printable import printable
from harness.read.submissions.content import MAX_TRANSCRIPT_BYTES
from harness.read.transcripts import Recorded, read_all, replay
from harness.read.transcripts.formats.neutral import written

# Characters of a step that are shown.
_MAX_SHOWN = 72
# Changes that cannot be followed, of which so many are shown.
_MAX_LOST = 20
_CHANGES = (StepKind.WROTE, StepKind.EDITED, StepKind.SHOWED, StepKind.REMOVED)


class Converted(NamedTuple):
    """A file of conversations, converted."""

    # What was understood, for people.
    text: str
    # The same in the neutral format.
    neutral: str


def convert(path: Path, format: str | None = None) -> Converted:
    """Read the conversations in ``path``; raises ``SubmissionError`` for what is none."""
    where = printable(str(path))
    try:
        size = path.stat().st_size
        raw = path.read_bytes() if size <= MAX_TRANSCRIPT_BYTES else b""
    except OSError as error:
        raise SubmissionError(f"{where}: cannot be read: {error.strerror}") from None
    if size > MAX_TRANSCRIPT_BYTES:
        most = MAX_TRANSCRIPT_BYTES >> 20
        raise SubmissionError(f"{where}: has {size:,} bytes; a transcript may have {most} MiB")
    if not raw.strip():
        raise SubmissionError(f"{where}: is empty, expected a recorded conversation")
    found = read_all(raw, where, path, format)
    lines = [line for number, one in enumerate(found, 1) for line in _told(where, number, one)]
    return Converted("\n".join(lines) + "\n", written(found))


def _told(where: str, number: int, one: Recorded) -> Iterator[str]:
    transcript = one.transcript
    about = [
        f"{name} {printable(str(value))}"
        for name, value in (
            ("model", one.model),
            ("answers", one.task_id),
            ("sample", one.sample),
            ("arm", one.arm),
        )
        if value is not None
    ]
    named = f" ({', '.join(about)})" if about else ""
    yield f"{where}: conversation {number}, format {transcript.format}{named}"
    kinds = Counter(str(step.kind) for step in transcript.steps)
    counted = ", ".join(f"{count} × {kind}" for kind, count in kinds.items())
    yield f"  {len(transcript.steps)} steps: {counted or 'none'}"
    for place, step in enumerate(transcript.steps, start=1):
        if step.kind is not StepKind.RESULT:
            yield f"  {place:4}  {_line(step)}"
    played = replay(transcript)
    files = played.files
    yield "  Python files at the end: " + (
        ", ".join(f"{printable(path)} ({_lines(text)})" for path, text in files.items()) or "none"
    )
    for lost in played.lost[:_MAX_LOST]:
        where = f" in {printable(lost.path)}" if lost.path else ""
        yield f"  not followed: step {lost.step + 1}, {printable(lost.what)}{where}"
    unknown = [step for step in transcript.steps if step.kind is StepKind.UNKNOWN]
    if unknown:
        names = dict.fromkeys(printable(step.text) for step in unknown)
        yield f"  not understood: {len(unknown)} calls of {', '.join(names)}"
    left = ", ".join(f"{n} × {printable(what)}" for what, n in transcript.skipped.items())
    yield f"  left out: {left or 'nothing'}"


def _line(step: Step) -> str:
    kind = str(step.kind)
    if step.kind in _CHANGES:
        much = f"{len(step.edits)} edits" if step.kind is StepKind.EDITED else _lines(step.text)
        moved = f", moved to {printable(step.moved_to)}" if step.moved_to else ""
        words = f"{printable(step.path or '')} ({much}{moved})"
    else:
        words = " ".join(step.text.split())
        words = printable(words[:_MAX_SHOWN] + "…" * (len(words) > _MAX_SHOWN))
    if step.kind is StepKind.RAN:
        return f"{kind} {words}: {_fate(step)}"
    return f"{kind} {words}" + (": failed" if step.failed else "")


def _fate(step: Step) -> str:
    """What became of a run, as far as it is recorded."""
    parts = [] if step.ending is None else [str(step.ending)]
    if step.status is not None:
        parts.append(f"exit status {step.status}")
    elif step.failed is not None:
        parts.append("failed" if step.failed else "no error")
    if step.output is None:
        parts.append("no result recorded")
    elif not parts:
        parts.append("exit status not recorded")
    return ", ".join(parts)


def _lines(text: str) -> str:
    count = len(text.splitlines())
    return f"{count} line{'s' * (count != 1)}"

"""Which format a file is in, and its conversations."""

from __future__ import annotations

from pathlib import Path

from harness.errors import SubmissionError
from harness.model import Transcript
from harness.printable import printable
from harness.read.transcripts.formats import Known, Recorded, known, named
from harness.read.transcripts.formats.neutral import SOLUTION
from harness.read.transcripts.parsed import clean, parse

KNOWN = (
    "expected a recorded conversation in one of the formats that `harness convert --help` names; "
    "if it is one, say which with --format NAME"
)
__all__ = ["KNOWN", "SOLUTION", "format_of", "read", "read_all"]


def read(raw: bytes, where: str, path: Path | None = None) -> Transcript:
    """The one conversation in ``raw``; ``path`` is its file, where there is one.

    Raises ``SubmissionError`` that begins with ``where`` for what is not understood, and for a
    file of several conversations.
    """
    found = read_all(raw, where, path)
    if len(found) != 1:
        raise SubmissionError(f"{where}: found {len(found)} conversations, expected one")
    return found[0].transcript


def read_all(
    raw: bytes, where: str, path: Path | None = None, format: str | None = None
) -> tuple[Recorded, ...]:
    """Every conversation in ``raw``, at least one; ``format`` is its name where it is known.

    Raises ``SubmissionError`` that begins with ``where`` for what is not understood.
    """
    try:
        one = named(format) if format is not None else _told(raw, where, path)
        found = _read(one, raw, where, path)
    except RecursionError:
        raise SubmissionError(f"{where}: nested too deeply; {KNOWN}") from None
    finally:
        # Its values may be many times as large as the file.
        parse.cache_clear()
    if not any(recorded.transcript.steps for recorded in found):
        skipped = found[0].transcript.skipped if found else {}
        counted = ", ".join(f"{n} × {what}" for what, n in sorted(skipped.items())[:5])
        raise SubmissionError(
            f"{where}: nothing in it is a message, read as {one.format.name} "
            f"({counted or 'it is empty'}); {KNOWN}"
        )
    return found


def format_of(raw: bytes, path: Path | None) -> Known | None:
    """The format of a file; ``None`` where it is none that is known."""
    problem: SubmissionError | None = None
    for one in known():
        try:
            if one.format.matches(raw, path):
                return one
        except RecursionError:
            raise
        except Exception as error:
            problem = problem or _broken(one, error)
    if problem is not None:
        raise problem
    return None


def _told(raw: bytes, where: str, path: Path | None) -> Known:
    try:
        found = format_of(raw, path)
    except SubmissionError as error:
        raise SubmissionError(f"{where}: {error}") from None
    if found is not None:
        return found
    given = parse(raw)
    if given.problem:
        raise SubmissionError(f"{where}: {given.problem}; {KNOWN}")
    if given.lines:
        what = "lines of which none is a message"
    elif isinstance(given.value, dict):
        keys = ", ".join(sorted(map(clean, given.value))[:5]) or "no keys"
        what = f"an object with {keys[:120]}"
    elif given.value == []:
        raise SubmissionError(f"{where}: nothing in it is a message (it is empty); {KNOWN}")
    else:
        what = f"a {type(given.value).__name__}"
    raise SubmissionError(f"{where}: found {printable(what)}; {KNOWN}")


def _read(one: Known, raw: bytes, where: str, path: Path | None) -> tuple[Recorded, ...]:
    try:
        return tuple(one.format.read(raw, path))
    except SubmissionError as error:
        raise SubmissionError(f"{where}: {error}") from None
    except RecursionError:
        raise
    except Exception as error:
        raise SubmissionError(f"{where}: {_broken(one, error)}") from None


def _broken(one: Known, error: Exception) -> SubmissionError:
    return SubmissionError(
        f"the reader of format {one.format.name!r} of {one.origin} fails: "
        f"{type(error).__name__}: {str(error)[:200]}; mend or uninstall {one.origin}, or name "
        "another format with --format NAME"
    )

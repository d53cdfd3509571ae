"""From bytes to a ``Submission``: decoding, size, what can be run, printable names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.model import Submission
from harness.printable import printable
from harness.read.submissions.beside import tests_beside
from harness.read.submissions.conversation import take_down
from harness.read.submissions.endstate import end_state
from harness.read.submissions.provenance import cut_off
from harness.read.submissions.reply import Reply, parse_problem, shows_code, take_apart
from harness.read.transcripts import Recorded

# A solution of more bytes than this is not read: the longest honest one seen has 12 KiB.
MAX_BYTES = 2 << 20
# A recorded session carries everything that its tools printed.
MAX_TRANSCRIPT_BYTES = 32 << 20


@dataclass(frozen=True)
class Origin:
    """Where a submission came from and which one it is."""

    arm: str
    submitter: str
    scenario: str
    sample: int
    path: Path

    @property
    def id(self) -> str:
        """``arm/submitter/scenario/sample``, each part printable and without a slash."""
        parts = (self.arm, self.submitter, self.scenario)
        return "/".join([*(part.replace("/", "-") for part in parts), str(self.sample)])


def most_bytes(kind: str) -> int:
    """How many bytes a submission of this kind may have."""
    return MAX_TRANSCRIPT_BYTES if kind == "transcript" else MAX_BYTES


def too_large(origin: Origin, kind: str, size: int, sha256: str) -> Submission:
    """A submission of ``size`` bytes, which is more than is read."""
    most = most_bytes(kind)
    problem = f"is {size / 2**20:.1f} MiB ({size:,} bytes); a submission may have {most >> 20} MiB"
    return _submission(origin, "", kind, Reply(problem=problem), sha256)


def unread(origin: Origin, sha256: str, why: str) -> Submission:
    """A transcript that we cannot read, and why."""
    return replace(_submission(origin, "", "transcript", Reply(), sha256), unread=why)


def build(
    origin: Origin,
    raw: bytes,
    names: Sequence[str],
    kind: str,
    recorded: Recorded | None = None,
) -> Submission:
    """The submission that ``raw`` holds; ``kind`` is ``python``, ``reply`` or ``transcript``.

    ``recorded`` is one conversation of a transcript, where its file is read already. The files
    that its agent left are read from beside it (see ``end_state``).
    Raises ``SubmissionError`` for a transcript in a format that is not known.
    """
    sha256 = hashlib.sha256(raw).hexdigest()
    cut = recorded is not None and recorded.cut_off
    if len(raw) > most_bytes(kind):
        return too_large(origin, kind, len(raw), sha256)
    if kind == "transcript" and raw.strip():
        if recorded is not None and (recorded.beside or recorded.sample is not None):
            # One of several in a file, or in several files, has a grade of its own.
            parts = (sha256, str(recorded.sample), str(recorded.task_id), *recorded.beside)
            sha256 = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        left = end_state(origin.path) if recorded is None or recorded.sample is None else {}
        if left:
            # What it was graded on is part of what was submitted.
            kept = json.dumps(sorted(left.items())).encode()
            sha256 = hashlib.sha256(sha256.encode() + kept).hexdigest()
        told = None if recorded is None else recorded.transcript
        where = printable(str(origin.path))
        found = take_down(raw, names, where, origin.path, told, left)
        made = _submission(origin, found.text, kind, found.reply, sha256)
        made = replace(made, transcript=found.transcript, tests=found.tests, unread=found.unread)
        return _without_code(made, cut) if found.empty_handed else made
    try:
        text = raw.decode("utf-8-sig")
        reply = _reply(text, names, kind)
    except UnicodeDecodeError as error:
        text = raw.decode(errors="replace")
        line = raw[: error.start].count(b"\n") + 1
        reply = Reply(problem=f"is not UTF-8 text: byte 0x{raw[error.start]:02x} on line {line}")
    made = _submission(origin, text, kind, reply, sha256)
    if kind == "reply" and made.code is None and not shows_code(text):
        return _without_code(made, cut)
    if kind == "reply" and made.code is not None and made.problem is None:
        return replace(made, tests=tests_beside(text, made.code, names))
    return made


def _without_code(made: Submission, cut: bool) -> Submission:
    """A submission that hands over nothing, as what it is by how it is known to have ended."""
    if not (cut or cut_off(Path(made.path))):
        return replace(made, empty_handed=True)
    # The same words that are whole may be graded otherwise.
    sha256 = hashlib.sha256(f"{made.sha256}\0cut off".encode()).hexdigest()
    return replace(made, sha256=sha256, problem="was cut off before it gave any code")


def _reply(text: str, names: Sequence[str], kind: str) -> Reply:
    if not text.strip():
        return Reply(problem="is empty")
    if kind == "reply":
        return take_apart(text, names)
    broken = parse_problem(text)
    if broken and "```" in text:
        broken += " (it holds a Markdown fence: save it as .md, or send it as `completion`)"
    return Reply(text, problem=broken)


def _submission(origin: Origin, text: str, kind: str, reply: Reply, sha256: str) -> Submission:
    return Submission(
        id=origin.id,
        scenario=origin.scenario,
        arm=origin.arm,
        submitter=origin.submitter,
        sample=origin.sample,
        path=str(origin.path),
        sha256=sha256,
        text=text,
        kind=kind,
        **vars(reply),
    )

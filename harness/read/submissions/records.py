"""JSON Lines: one submission per line."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from harness.errors import SubmissionError
from harness.printable import printable
from harness.read.submissions.content import MAX_TRANSCRIPT_BYTES, Origin
from harness.read.submissions.told import Told
from harness.read.transcripts import format_of

# Room for a transcript of the largest size, some of whose signs JSON writes with an escape.
MAX_LINE_BYTES = 2 * MAX_TRANSCRIPT_BYTES
_EXPECTED = (
    'expected {"task_id": scenario, "solution": code} or {"task_id": scenario, "completion": reply}'
)


class _Line(BaseModel):
    # Other keys are common (metadata) and say nothing we need.
    model_config = ConfigDict(extra="ignore", strict=True)

    task_id: str
    solution: str | None = None
    completion: str | None = None
    # The reply that ``solution`` was taken from.
    raw_solution: str | None = None
    # Messages in any format that ``harness.read.transcripts`` reads.
    transcript: list[Any] | dict[str, Any] | str | None = None
    sample_id: int | None = Field(default=None, ge=0)
    model: str | None = Field(default=None, min_length=1)
    arm: str | None = Field(default=None, min_length=1)

    @field_validator("sample_id", mode="before")
    @classmethod
    def _number_in_words(cls, given: object) -> object:
        return int(given[:18]) if isinstance(given, str) and given.isdecimal() else given


class _Task(NamedTuple):
    arm: str
    submitter: str
    scenario: str


class _Place(NamedTuple):
    # ``file:line``.
    where: str
    # As given.
    sample: int | None


class Read(NamedTuple):
    """One record, ready to be built into a submission."""

    origin: Origin
    raw: bytes
    # ``python``, ``reply`` or ``transcript``.
    kind: str
    # ``file:line`` for error messages.
    where: str


def read_records(
    file: Path,
    arm: str,
    submitter: str,
    unreadable: list[str] | None = None,
    told: Told | None = None,
) -> Iterator[Read]:
    """Every record of ``file``; ``arm`` and ``submitter`` are for records that name none.

    What is wrong with a line is added to ``unreadable``; without one it raises. ``told`` says
    where the fields are, where they have other names.

    Samples of one task are numbered from 1 in order of appearance; given ``sample_id`` values
    are kept, and shifted by one where they count from 0. The file is read twice, so that a large
    one is never in memory; lines that are added to it meanwhile are left out.
    """
    groups: dict[_Task, list[_Place]] = defaultdict(list)
    told = told or Told()
    for place, task, _ in _lines(file, arm, submitter, unreadable, told):
        groups[task].append(place)
    samples = {
        place.where: sample
        for task, places in groups.items()
        for place, sample in zip(places, _samples(task.scenario, places), strict=True)
    }
    # What is wrong has been said.
    again: list[str] | None = None if unreadable is None else []
    for (where, _), task, line in _lines(file, arm, submitter, again, told):
        if where in samples:
            raw, kind = _content(line)
            yield Read(Origin(*task, samples[where], file), raw, kind, where)


# Lines of a file that are looked at to see what it holds, and their bytes.
_MAX_LOOKED, _MAX_HEAD = 20, 1 << 20
_OURS = {"task_id", "solution", "completion", "raw_solution"}


def holds_records(file: Path, told: Told | None = None, unsure: bool = True) -> bool:
    """Whether a JSON Lines file holds our records rather than the lines of a transcript.

    ``unsure`` is the answer where it looks like neither.
    """
    told = told or Told()
    if told.format is not None or told.fields:
        return bool(told.fields)
    head: list[bytes] = []
    try:
        with file.open("rb") as stream:
            while len(head) < _MAX_LOOKED and (line := stream.readline(_MAX_HEAD)):
                try:
                    first = json.loads(line.decode("utf-8-sig"))
                except (ValueError, RecursionError):
                    first = None
                if isinstance(first, dict) and _OURS & set(first):
                    return True
                head.append(line)
        return unsure and format_of(b"".join(head), file) is None
    except (OSError, SubmissionError, RecursionError):
        # Said in the words that records have for it.
        return unsure


def _lines(
    file: Path, arm: str, submitter: str, unreadable: list[str] | None, told: Told
) -> Iterator[tuple[_Place, _Task, _Line]]:
    shown = printable(str(file))
    try:
        with file.open("rb") as stream:
            number = 0
            while raw := stream.readline(MAX_LINE_BYTES + 1):
                number += 1
                where = f"{shown}:{number}"
                if raw.strip():
                    try:
                        line = _parse(raw, stream, where, told)
                    except SubmissionError as error:
                        if unreadable is None:
                            raise
                        unreadable.append(f"{str(error).rstrip('.')}.")
                        continue
                    named = printable(line.arm or arm), printable(line.model or submitter)
                    yield _Place(where, line.sample_id), _Task(*named, line.task_id), line
    except OSError as error:
        raise SubmissionError(f"{shown}: cannot be read: {error.strerror}") from None


def _rest(stream: BinaryIO, raw: bytes) -> int:
    """The bytes of the line that begins with ``raw`` and goes on in ``stream``."""
    size = len(raw)
    while not raw.endswith(b"\n") and (raw := stream.readline(1 << 20)):
        size += len(raw)
    return size


def _content(line: _Line) -> tuple[bytes, str]:
    """What is graded of a record, and its kind."""
    if line.transcript is not None or (line.solution is not None and line.raw_solution):
        keys = {"transcript", "completion", "raw_solution", "solution"}
        return json.dumps(line.model_dump(include=keys, exclude_none=True)).encode(), "transcript"
    text = line.completion if line.solution is None else line.solution
    # A lone surrogate is legal JSON but cannot be written anywhere.
    return (text or "").encode(errors="replace"), "reply" if line.solution is None else "python"


def _parse(raw: bytes, stream: BinaryIO, where: str, told: Told) -> _Line:
    if len(raw) > MAX_LINE_BYTES:
        raise SubmissionError(
            f"{where}: the line is longer than {MAX_LINE_BYTES >> 20} MiB, found "
            f"{_rest(stream, raw) / 2**20:.1f} MiB; shorten the record or leave it out"
        )
    try:
        value = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise SubmissionError(
            f"{where}: not UTF-8: byte 0x{raw[error.start]:02x}; {_EXPECTED}"
        ) from None
    except (ValueError, RecursionError) as error:
        raise SubmissionError(f"{where}: not JSON ({error}); {_EXPECTED}") from None
    if not isinstance(value, dict):
        raise SubmissionError(f"{where}: found a {type(value).__name__}; {_EXPECTED}")
    try:
        line = _Line.model_validate(told.applied(value, where))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        found = "nothing" if first["type"] == "missing" else printable(repr(first["input"])[:60])
        raise SubmissionError(
            f"{where}: key {key!r}: {first['msg']}, found {found}; {_EXPECTED}"
        ) from None
    alone = line.transcript is not None and line.solution is None
    if (line.solution is None) == (line.completion is None) and not alone:
        found = "neither" if line.solution is None else "both"
        raise SubmissionError(f"{where}: found {found} of 'solution' and 'completion'; {_EXPECTED}")
    return line


def _samples(scenario: str, places: Sequence[_Place]) -> list[int]:
    given: dict[int, str] = {}
    for where, sample in places:
        if sample is not None:
            if sample in given:
                raise SubmissionError(
                    f"{where}: sample_id {sample} of {printable(scenario)!r} was "
                    f"already given in {given[sample]}; number the samples apart"
                )
            given[sample] = where
    shift = 1 if 0 in given else 0
    taken = {sample + shift for sample in given}
    free = (n for n in range(1, len(places) + len(taken) + 1) if n not in taken)
    return [next(free) if sample is None else sample + shift for _, sample in places]

"""What people say of the excuses in replies: ``labels.jsonl``, a line of JSON for each reply.

    {"submission": "skill/me/layer-norm/1", "scenario": "layer-norm", "sha256": "…",
     "marks": [{"excuse": "no-time", "quote": "…", "right": false}], "missed": ["looks-right"]}

``scenario`` and ``sha256``, both as in ``results.json``, say which reply is meant, so that labels
hold in every run that has it; ``submission`` is for people. ``marks`` holds a verdict on each quote
of an excuse that was read as made, ``missed`` the excuses that it makes and no quote shows.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.code.lines import split_lines
from harness.errors import LabelError
from harness.model import QuoteMark, Record, ReplyLabel, Results, Submission
from harness.read.problem import dotted
from harness.run.ledger import plain

FILE: Final = "labels.jsonl"


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _MarkEntry(_Strict):
    excuse: str
    quote: str
    right: bool


class _LabelEntry(_Strict):
    submission: str = ""
    scenario: str
    sha256: str
    marks: list[_MarkEntry]
    missed: list[str] = []


def read_labels(path: Path) -> tuple[ReplyLabel, ...]:
    """The labels in the file at ``path``; none where there is no file.

    Raises ``LabelError`` that names file, line and key, what was found and what was expected.
    """
    try:
        lines = split_lines(path.read_text(encoding="utf-8")) if path.exists() else []
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise LabelError(
            f"{path}: cannot be read: {why}. Give the file that `harness label` wrote."
        ) from None
    labels: dict[tuple[str, str], ReplyLabel] = {}
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        where = f"{path}:{number}"
        try:
            entry = _LabelEntry.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = dotted(first["loc"]) if first["loc"] else "the line"
            raise LabelError(
                f"{where}: {key}: {first['msg']}, found {text.strip()[:80]!r}. Mend the line or "
                "delete it; docs/reader.md shows the form."
            ) from None
        about = entry.scenario, entry.sha256
        if about in labels:
            raise LabelError(
                f"{where}: a second label for the reply of {entry.submission or about}, expected "
                "one. Delete one of the two."
            )
        marks = tuple(QuoteMark(one.excuse, one.quote, one.right) for one in entry.marks)
        labels[about] = ReplyLabel(*about, marks, tuple(entry.missed))
    return tuple(labels.values())


def add_label(path: Path, submission: str, label: ReplyLabel) -> None:
    """Put ``label`` at the end of the file, on the disk before this returns."""
    line = json.dumps({"submission": plain(submission), **plain(label)}) + "\n"
    try:
        with path.open("ab+") as file:
            file.seek(max(0, file.tell() - 1))
            # The last line of a file that was edited by hand may lack its end.
            broken = file.read(1) not in (b"", b"\n")
            file.write(b"\n" * broken + line.encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise LabelError(
            f"{path}: cannot be written: {error.strerror}. See that the folder may be written to "
            "and the disk has room, or name another file with --labels FILE"
        ) from None


def unlabelled(
    results: Results, labels: Sequence[ReplyLabel]
) -> Iterator[tuple[Record, Submission]]:
    """Replies with excuses to look for that have no label, equal ones once.

    Their order has nothing to do with arms, scenarios or verdicts, so that the first few are a
    random sample, which the correction needs.
    """
    done = {(label.scenario, label.sha256) for label in labels}
    sent = {submission.id: place for place, submission in enumerate(results.submissions)}
    places: dict[str, int] = {}
    for place, record in enumerate(results.records):
        about = record.scenario, record.sha256
        if record.traps and record.held is not None and about not in done:
            places.setdefault(hashlib.sha256("\0".join(about).encode()).hexdigest(), place)
    for _, place in sorted(places.items()):
        record = results.records[place]
        yield record, results.submissions[sent[record.id]]

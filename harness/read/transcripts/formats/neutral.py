"""Our own formats: a neutral one for anybody who writes a converter, and lines of answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from harness.errors import SubmissionError
from harness.model import Edit, Ending, Step, StepKind, Transcript
from harness.printable import printable
from harness.read.transcripts.formats import Recorded
from harness.read.transcripts.parsed import clean, mapping, parse

FORMAT: Literal["harness-transcript"] = "harness-transcript"
VERSION = 1
# Where a bare solution of our own records stands among a transcript's files.
SOLUTION = "solution.py"
# Fields of a step that have another name, or another value, where nothing is said.
_QUIET: Mapping[str, object] = {"text": "", "edits": (), "language": "shell"}


class Neutral:
    """See ``Format``; the schema is docs/schema/transcript.schema.json."""

    name = "neutral"

    def matches(self, head: bytes, path: Path | None) -> bool:
        """See ``Format``."""
        return parse(head).members.get("format") == FORMAT

    def read(self, raw: bytes, path: Path | None) -> Iterator[Recorded]:
        """See ``Format``."""
        from pydantic import ValidationError

        from harness.read.transcripts.formats.schema import TranscriptFile

        given = parse(raw)
        if given.problem:
            raise SubmissionError(given.problem)
        try:
            file = TranscriptFile.model_validate(given.value)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"]) or "the file"
            found = "nothing" if first["type"] == "missing" else repr(first["input"])[:60]
            raise SubmissionError(
                f"{printable(key)}: {first['msg']}, found {printable(found)}; "
                "see docs/schema/transcript.schema.json"
            ) from None
        for sample in file.samples:
            steps = tuple(
                Step(
                    kind=StepKind(step.kind),
                    record=step.record or number,
                    text=clean(step.text),
                    path=None if step.path is None else clean(step.path),
                    edits=tuple(
                        Edit(clean(e.old), clean(e.new), e.everywhere, e.after_line)
                        for e in step.edits
                    ),
                    language=step.language,
                    output=None if step.output is None else clean(step.output),
                    failed=step.exit_code != 0 if step.exit_code is not None else step.failed,
                    status=step.exit_code,
                    ending=None if step.ending is None else Ending(step.ending),
                    before=None if step.before is None else clean(step.before),
                    moved_to=None if step.moved_to is None else clean(step.moved_to),
                )
                for number, step in enumerate(sample.steps, start=1)
            )
            skipped = {clean(what)[:60]: count for what, count in sample.skipped.items()}
            written = clean(sample.source) or self.name
            yield Recorded(
                Transcript(steps, written, skipped),
                clean(sample.model) or None,
                sample.sample,
                clean(sample.task_id) or None,
                clean(sample.arm) or None,
            )


def written(samples: Iterable[Recorded]) -> str:
    """Conversations in the neutral format."""
    whole = {"format": FORMAT, "version": VERSION, "samples": [_sample(one) for one in samples]}
    return json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _sample(one: Recorded) -> dict[str, Any]:
    about = {"task_id": one.task_id, "model": one.model, "sample": one.sample, "arm": one.arm}
    return {
        **{key: value for key, value in about.items() if value is not None},
        "source": one.transcript.format,
        "steps": [_step(step) for step in one.transcript.steps],
        "skipped": dict(one.transcript.skipped),
    }


def _step(step: Step) -> dict[str, Any]:
    found = {**vars(step), "kind": str(step.kind), "exit_code": step.status}
    found["edits"] = [
        {key: value for key, value in vars(edit).items() if value is not None}
        for edit in step.edits
    ]
    del found["status"], found["line"]
    quiet = {**_QUIET, "edits": []}
    return {k: v for k, v in found.items() if v is not None and (k, v) not in quiet.items()}


class AnswerRecord:
    """Our JSON Lines records: a transcript, a raw reply, the code taken from it."""

    name = "record"

    def matches(self, head: bytes, path: Path | None) -> bool:
        """See ``Format``."""
        return not isinstance(parse(head).value, list) and any(map(_is_record, _begun(head)))

    def read(self, raw: bytes, path: Path | None) -> Iterator[Recorded]:
        """See ``Format``."""
        yield from (_recorded(mapping(one)) for one in _records(raw) if _is_record(one))


def _records(raw: bytes) -> Iterator[object]:
    given = parse(raw)
    yield from (record for _, record in given.records if not isinstance(given.value, list))


def _begun(head: bytes) -> Iterator[object]:
    yield from (record for _, record in parse(head).begun.records)


def _is_record(record: object) -> bool:
    keys = set(mapping(record))
    ours = {"solution", "completion", "raw_solution", "transcript"}
    return "messages" not in keys and bool(ours & keys)


def _recorded(value: Mapping[str, Any]) -> Recorded:
    from harness.read.transcripts.reading import read

    steps: list[Step] = []
    skipped: dict[str, int] = {}
    format = AnswerRecord.name
    given = value.get("transcript")
    if given is not None:
        inner = clean(given).encode() if isinstance(given, str) else json.dumps(given).encode()
        found = read(inner, "transcript")
        steps, skipped, format = list(found.steps), dict(found.skipped), found.format
    last = len(steps) + 1
    for key in ("completion", "raw_solution"):
        words = clean(value.get(key))
        if words.strip() and not any(s.text == words for s in steps):
            steps.append(Step(StepKind.SAID, last, words))
    code = clean(value.get("solution"))
    if code.strip():
        steps.append(Step(StepKind.WROTE, last, code, SOLUTION))
    about = (clean(value.get("model")) or None, None, clean(value.get("task_id")) or None)
    return Recorded(Transcript(tuple(steps), format, skipped), *about)


NEUTRAL = Neutral()
RECORD = AnswerRecord()

"""The formats: which one a file is in, and how its records become steps."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from harness.errors import SubmissionError
from harness.model import Step, StepKind, Transcript
from harness.read.transcripts.draft import Draft, clean

KNOWN = (
    "expected an OpenAI chat or Anthropic Messages list, a session in JSON Lines, an Inspect log, "
    "or an object with 'messages'"
)
# Where a bare solution of our own records stands among a transcript's files.
SOLUTION = "solution.py"
# Tuples, because what is looked up in them may be anything that JSON holds.
_SESSION = ("assistant", "user")
_ROLES = ("user", "system", "developer", "assistant", "tool", "function")


def read(raw: bytes, where: str, path: Path | None = None) -> Transcript:
    """The transcript in ``raw``; ``path`` is where an Inspect log can be opened.

    Raises ``SubmissionError`` that begins with ``where`` for what is not understood.
    """
    try:
        return _read(raw, where, path)
    except RecursionError:
        raise SubmissionError(f"{where}: nested too deeply; {KNOWN}") from None


def _read(raw: bytes, where: str, path: Path | None) -> Transcript:
    if raw[:2] == b"PK" or raw[:4] == b"\x28\xb5\x2f\xfd":
        return _inspect(path, where)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SubmissionError(
            f"{where}: not UTF-8: byte 0x{raw[error.start]:02x} at offset {error.start}; {KNOWN}"
        ) from None
    try:
        value = json.loads(text)
    except ValueError as error:
        if "\n" not in text.strip():
            raise SubmissionError(f"{where}: not JSON ({error}); {KNOWN}") from None
        return _lines(text, where)
    if isinstance(value, dict) and "eval" in value and "messages" not in value:
        return _inspect(path, where)
    return of_value(value, where)


def of_value(value: object, where: str) -> Transcript:
    """The transcript in a JSON value."""
    if isinstance(value, dict):
        if {"solution", "completion", "transcript"} & set(value) and "messages" not in value:
            return _record(value, where)
        if value.get("type") in _SESSION and isinstance(value.get("message"), dict):
            return _session([(1, value)], where)
        if isinstance(value.get("messages"), list):
            return _chat(list(enumerate(value["messages"], start=1)), where)
        keys = ", ".join(sorted(map(clean, value))[:5]) or "no keys"
        raise SubmissionError(f"{where}: found an object with {keys[:120]}; {KNOWN}")
    if not isinstance(value, list):
        raise SubmissionError(f"{where}: found a {type(value).__name__}; {KNOWN}")
    numbered = list(enumerate(value, start=1))
    return _session(numbered, where) if _is_session(numbered) else _chat(numbered, where)


_Records = Sequence[tuple[int, Any]]


def _lines(text: str, where: str) -> Transcript:
    records: list[tuple[int, Any]] = []
    lines = [(n, line) for n, line in enumerate(text.split("\n"), start=1) if line.strip()]
    cut = False
    for number, line in lines:
        try:
            records.append((number, json.loads(line)))
        except (ValueError, RecursionError) as error:
            # A session that was killed ends in half a line.
            cut = number == lines[-1][0] and bool(records)
            if not cut:
                raise SubmissionError(f"{where}:{number}: not JSON ({error}); {KNOWN}") from None
    found = _session(records, where) if _is_session(records) else _chat(records, where)
    skipped = {**found.skipped, "cut-off last line": 1} if cut else found.skipped
    return Transcript(found.steps, found.format, skipped)


def _is_session(records: _Records) -> bool:
    return any(
        isinstance(r, dict) and r.get("type") in _SESSION and isinstance(r.get("message"), dict)
        for _, r in records
    )


def _told(draft: Draft, format: str, where: str) -> Transcript:
    """The finished transcript, unless nothing in it was understood."""
    if not draft.steps:
        counted = ", ".join(f"{n} × {what}" for what, n in sorted(draft.skipped.items())[:5])
        raise SubmissionError(
            f"{where}: nothing in it is a message ({counted or 'it is empty'}); {KNOWN}"
        )
    return draft.finish(format)


def _chat(records: _Records, where: str) -> Transcript:
    """OpenAI chat and Anthropic Messages, which differ in their blocks and not in their frame."""
    draft = Draft()
    blocks = False
    for number, message in records:
        role = message.get("role") if isinstance(message, dict) else None
        if not isinstance(message, dict) or role not in _ROLES:
            draft.skip(f"record with role {role!r}" if role else "record without a role")
            continue
        content = message.get("content")
        if role in ("tool", "function"):
            failed = True if message.get("error") else None
            id = message.get("tool_call_id")
            draft.result(id, draft.plain(content), failed, number)
            continue
        if role in ("system", "developer"):
            draft.skip(f"{role} message")
            continue
        blocks |= isinstance(content, list) and any(
            isinstance(b, dict) and b.get("type") in ("tool_use", "tool_result", "thinking")
            for b in content
        )
        draft.message(role, content, number)
        calls = message.get("tool_calls")
        for call in calls if isinstance(calls, list) else []:
            function = call.get("function") if isinstance(call, dict) else None
            if isinstance(function, dict):
                draft.call(function.get("name"), function.get("arguments"), call.get("id"), number)
            else:
                draft.skip("tool call without a function")
    return _told(draft, "anthropic" if blocks else "openai", where)


def _session(records: _Records, where: str) -> Transcript:
    """A session in JSON Lines; tool results arrive as lines of type ``user``."""
    draft = Draft()
    seen: set[tuple[object, str]] = set()
    for number, line in records:
        kind = line.get("type") if isinstance(line, dict) else None
        message = line.get("message") if isinstance(line, dict) else None
        if kind not in _SESSION or not isinstance(message, dict):
            draft.skip(f"line of type {kind}" if isinstance(kind, str) else "line without a type")
        elif line.get("isMeta") or line.get("isCompactSummary"):
            draft.skip("meta line" if line.get("isMeta") else "summary")
        else:
            content = _new(message, seen) if kind == "assistant" else message.get("content")
            draft.message(kind, content, number, line.get("isSidechain") is True)
    return _told(draft, "session", where)


def _new(message: dict[str, Any], seen: set[tuple[object, str]]) -> object:
    """The content of a message without blocks that an earlier line of the same message had."""
    id, content = message.get("id"), message.get("content")
    if not isinstance(id, str) or not isinstance(content, list):
        return content
    blocks = []
    for block in content:
        key = (id, json.dumps(block, sort_keys=True))
        if key not in seen:
            seen.add(key)
            blocks.append(block)
    return blocks


def _record(value: dict[str, Any], where: str) -> Transcript:
    """One of our own JSON Lines records: a transcript, a raw reply, the code taken from it."""
    steps: list[Step] = []
    skipped: dict[str, int] = {}
    format = "record"
    told = value.get("transcript")
    inner: Transcript | None
    if isinstance(told, str):
        inner = read(told.encode(errors="replace"), f"{where}: transcript")
    else:
        inner = None if told is None else of_value(told, f"{where}: transcript")
    if inner is not None:
        steps += inner.steps
        skipped, format = dict(inner.skipped), inner.format
    last = len(steps) + 1
    for key in ("completion", "raw_solution"):
        words = clean(value.get(key))
        if words.strip() and not any(s.text == words for s in steps):
            steps.append(Step(StepKind.SAID, last, words))
    code = clean(value.get("solution"))
    if code.strip():
        steps.append(Step(StepKind.WROTE, last, code, SOLUTION))
    if not steps:
        raise SubmissionError(f"{where}: nothing in it is a message (it is empty); {KNOWN}")
    return Transcript(tuple(steps), format, skipped)


def _inspect(path: Path | None, where: str) -> Transcript:
    """An Inspect log of one sample."""
    try:
        from inspect_ai.log import read_eval_log
    except ImportError:
        raise SubmissionError(
            f"{where}: an Inspect log is read with inspect_ai, which is not installed; "
            "install the extra: pip install 'harness[inspect]'"
        ) from None
    if path is None:
        raise SubmissionError(f"{where}: an Inspect log must be a file of its own")
    try:
        samples = read_eval_log(str(path), resolve_attachments=True).samples or []
    except (ValueError, LookupError, OSError, BadZipFile) as error:
        raise SubmissionError(
            f"{where}: inspect_ai cannot read it as a log ({str(error)[:200]}); {KNOWN}"
        ) from None
    if len(samples) != 1:
        raise SubmissionError(
            f"{where}: the log holds {len(samples)} samples, expected 1; "
            "write one log per sample, e.g. with `inspect eval --sample-id`"
        )
    records = list(enumerate(map(_plain_message, samples[0].messages), start=1))
    found = _chat(list(records), where)
    return Transcript(found.steps, "inspect", found.skipped)


def _plain_message(message: Any) -> dict[str, Any]:
    """A message of Inspect in the form of an OpenAI chat."""
    content = message.content
    if not isinstance(content, str):
        content = [block.model_dump() for block in content]
    return {
        "role": message.role,
        "content": content,
        "tool_call_id": getattr(message, "tool_call_id", None),
        "error": getattr(message, "error", None),
        "tool_calls": list(_plain_calls(message)),
    }


def _plain_calls(message: Any) -> Iterator[dict[str, Any]]:
    for call in getattr(message, "tool_calls", None) or []:
        yield {"id": call.id, "function": {"name": call.function, "arguments": call.arguments}}

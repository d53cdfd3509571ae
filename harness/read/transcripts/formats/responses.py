"""Items of OpenAI's Responses API, and the logs of Codex, which are made of them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.errors import SubmissionError
from harness.model import Step, StepKind
from harness.read.transcripts.draft import Draft
from harness.read.transcripts.formats.base import JsonFormat
from harness.read.transcripts.formats.messages import model_of, role_of, tell
from harness.read.transcripts.outcome import Fate, fate
from harness.read.transcripts.parsed import (
    Parsed,
    Records,
    clean,
    first,
    loads,
    mapping,
    sequence,
)

_CALLS = ("function_call", "custom_tool_call", "mcp_call")
_ANSWERS = ("function_call_output", "custom_tool_call_output", "local_shell_call_output",
            "shell_call_output", "apply_patch_call_output")  # fmt: skip
_OWN = (*_CALLS, *_ANSWERS, "reasoning", "local_shell_call", "shell_call", "apply_patch_call",
        "code_interpreter_call")  # fmt: skip
_OPERATIONS = {"create_file": "Add", "update_file": "Update", "delete_file": "Delete"}


def tell_item(
    draft: Draft, item: Mapping[str, Any], number: int, typed: Fate | None = None
) -> None:
    """Add one item; ``typed`` is what other lines tell about the end of a call."""
    kind = clean(item.get("type"))
    id = first(item, ("call_id", "id"))
    if kind in _CALLS:
        draft.call(item.get("name"), first(item, ("arguments", "input")), id, number)
        if kind == "mcp_call":
            draft.result(id, draft.plain(first(item, ("output", "error"))), fate(item), number)
    elif kind in _ANSWERS:
        _tell_output(draft, item, id, number, typed)
    elif kind in ("local_shell_call", "shell_call"):
        action = mapping(item.get("action"))
        draft.call("shell", action, id, number)
    elif kind == "apply_patch_call":
        draft.call("apply_patch", {"patch": _as_patch(mapping(item.get("operation")))}, id, number)
    elif kind == "code_interpreter_call":
        draft.call("python", {"code": item.get("code")}, id, number)
        outputs = sequence(item.get("outputs"))
        logs = [clean(mapping(one).get("logs")) for one in outputs]
        if outputs:
            draft.result(id, "\n".join(logs), fate(item), number)
    elif kind == "reasoning":
        for key in ("summary", "content"):
            for part in sequence(item.get(key)):
                draft.words(StepKind.THOUGHT, mapping(part).get("text"), number)
    elif kind in ("", "message") and role_of(item):
        tell(draft, item, number)
    else:
        draft.skip(f"item {kind}" if kind else "record without a role")


def _tell_output(
    draft: Draft, item: Mapping[str, Any], id: object, number: int, typed: Fate | None
) -> None:
    output = item.get("output")
    inner = mapping(loads(output)) if isinstance(output, str) and output[:1] == "{" else {}
    if "output" in inner and set(inner) <= {"output", "metadata"}:
        # Older Codex wraps what came back once more.
        output, said = inner["output"], fate(inner)
    else:
        said = fate(*sequence(output)) if isinstance(output, list) else fate(item)
    if typed is not None:
        said = typed.or_else(said)
    draft.result(id, draft.plain(output), said, number)


def _as_patch(operation: Mapping[str, Any]) -> str:
    verb = _OPERATIONS.get(clean(operation.get("type")), "")
    head = f"*** {verb} File: {clean(operation.get('path'))}\n"
    return f"*** Begin Patch\n{head}{clean(operation.get('diff'))}\n*** End Patch" if verb else ""


# ---------------------------------------------------------------------- Responses


def _items_of(value: object) -> list[Any] | None:
    given = mapping(value)
    if given.get("object") == "response" or ("output" in given and "input" in given):
        asked = given.get("input")
        before = [{"role": "user", "content": asked}] if isinstance(asked, str) else sequence(asked)
        output = given.get("output")
        return [*before, *output] if isinstance(output, list) else None
    for key in ("items", "input", "output"):
        if isinstance(given.get(key), list):
            return sequence(given[key])
    return value if isinstance(value, list) else None


def _is_item(item: object) -> bool:
    given = mapping(item)
    # A message alone is one of many formats.
    return clean(given.get("type")) in _OWN and "payload" not in given and "message" not in given


def _item_samples(given: Parsed) -> Iterator[tuple[Mapping[str, Any], Records]]:
    if given.lines and any(_is_item(record) for _, record in given.records):
        yield {}, given.records
        return
    values = [(0, given.value)] if not given.lines else list(given.records)
    for _, value in values:
        items = _items_of(value)
        whole = mapping(value).get("object") == "response"
        if items and (whole or any(map(_is_item, items))):
            yield mapping(value), tuple(enumerate(items, start=1))


def _responses(given: Parsed, path: Path | None) -> Iterator[Draft]:
    for around, items in _item_samples(given):
        draft = Draft()
        draft.model = model_of(around)
        for number, item in items:
            tell_item(draft, mapping(item), number)
        yield draft


RESPONSES = JsonFormat(
    "openai-responses", lambda given: any(True for _ in _item_samples(given)), _responses
)

# ---------------------------------------------------------------------- Codex


def _payload(record: object) -> Mapping[str, Any]:
    return mapping(mapping(record).get("payload"))


def _is_codex(given: Parsed) -> bool:
    return any(
        mapping(record).get("type") in ("response_item", "session_meta") and _payload(record)
        for _, record in given.records
    )


def _codex(given: Parsed, path: Path | None) -> Iterator[Draft]:
    draft = Draft()
    ends: dict[str, Fate] = {}
    spoken = False
    for _, record in given.records:
        event = _payload(record)
        kind = clean(event.get("type"))
        if kind in ("exec_command_end", "patch_apply_end"):
            ends[clean(event.get("call_id"))] = fate(event)
        spoken |= kind == "message" and event.get("role") == "assistant"
    for number, record in given.records:
        line, item = mapping(record), _payload(record)
        kind = clean(line.get("type"))
        if kind == "response_item":
            tell_item(draft, item, number, ends.get(clean(item.get("call_id"))))
        elif kind == "event_msg" and item.get("type") == "agent_message" and not spoken:
            draft.words(StepKind.SAID, item.get("message"), number)
        elif kind == "event_msg" and item.get("type") == "turn_aborted":
            draft.skip("turn that was aborted")
        else:
            if kind == "turn_context":
                draft.model = model_of(item) or draft.model
            draft.skip(f"line of type {kind}" if kind else "line without a type")
    yield draft


CODEX = JsonFormat("codex", _is_codex, _codex)


def _exec_items(given: Parsed) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
    for number, record in given.records:
        line = mapping(record)
        if clean(line.get("type")).startswith("item."):
            item = mapping(line.get("item"))
            yield number, clean(item.get("type")) or clean(item.get("item_type")), item


def _is_exec(given: Parsed) -> bool:
    return any(kind for _, kind, _ in _exec_items(given))


def _exec(given: Parsed, path: Path | None) -> Iterator[Draft]:
    """``codex exec --json``; raises ``SubmissionError`` where a patch changed a file."""
    if any(kind == "file_change" for _, kind, _ in _exec_items(given)):
        raise SubmissionError(
            "this is a log of `codex exec --json`: it names the files that were changed, and their "
            "code is not in it. Give the rollout of the same run, rollout-….jsonl under "
            "~/.codex/sessions"
        )
    draft = Draft()
    for number, kind, item in _exec_items(given):
        if kind in ("agent_message", "assistant_message"):
            draft.words(StepKind.SAID, item.get("text"), number)
        elif kind == "reasoning":
            draft.words(StepKind.THOUGHT, item.get("text"), number)
        elif kind == "command_execution" and item.get("status") != "in_progress":
            draft.call("bash", {"command": _script(clean(item.get("command")))}, None, number)
            words = clean(item.get("aggregated_output"))
            draft.result(None, words, fate(item), number)
        elif kind != "command_execution":
            draft.steps.append(Step(StepKind.UNKNOWN, number, kind or "item without a type"))
    yield draft


def _script(command: str) -> str:
    """What ``/bin/bash -lc '…'`` runs."""
    try:
        words = shlex.split(command)
    except ValueError:
        return command
    shell = len(words) == 3 and words[0].endswith("sh") and words[1] in ("-c", "-lc")
    return words[2] if shell else command


CODEX_EXEC = JsonFormat("codex-exec", _is_exec, _exec)

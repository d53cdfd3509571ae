"""Conversations with agents that live in an editor: the chat of VS Code, Cline and Roo."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.model import StepKind
from harness.read.transcripts.draft import Draft
from harness.read.transcripts.formats.base import JsonFormat
from harness.read.transcripts.formats.messages import model_of, tell
from harness.read.transcripts.outcome import Fate, fate
from harness.read.transcripts.parsed import (
    Parsed,
    Records,
    clean,
    first,
    mapping,
    sequence,
)

# ---------------------------------------------------------------------- chat of VS Code


def _vscode_session(given: Parsed) -> Mapping[str, Any]:
    """The session: an export, or a file of changes that are made one after the other."""
    if not given.lines:
        return mapping(given.members.get("v")) or given.members
    session: Any = {}
    for _, record in given.records:
        change = mapping(record)
        keys, value = change.get("k"), change.get("v")
        if change.get("kind") == 0:
            session = value
        elif isinstance(keys, list) and keys:
            session = _changed(session, keys[:50], value, change, 0)
    return mapping(session)


def _changed(held: Any, keys: list[Any], value: Any, change: Mapping[str, Any], depth: int) -> Any:
    """``held`` with ``value`` put, or added to a list, at the place that ``keys`` lead to."""
    if depth == len(keys):
        if change.get("kind") == 2:
            start = change.get("i")
            kept = sequence(held)[: start if isinstance(start, int) else None]
            return [*kept, *sequence(value)]
        return value
    key = keys[depth]
    if isinstance(held, list) and isinstance(key, int) and 0 <= key <= len(held):
        inner = held[key] if key < len(held) else {}
        return [*held[:key], _changed(inner, keys, value, change, depth + 1), *held[key + 1 :]]
    if isinstance(key, str):
        inner = mapping(held).get(key)
        return {**mapping(held), key: _changed(inner, keys, value, change, depth + 1)}
    return held


def _is_vscode(given: Parsed) -> bool:
    if given.lines and mapping(given.records[0][1]).get("kind") != 0:
        return False
    asked = sequence(_vscode_session(given).get("requests"))
    return any("message" in mapping(one) and "response" in mapping(one) for one in asked)


def _vscode(given: Parsed, path: Path | None) -> Iterator[Draft]:
    draft = Draft()
    for number, request in enumerate(sequence(_vscode_session(given).get("requests")), start=1):
        asked = mapping(request)
        draft.model = draft.model or model_of(asked)
        message = asked.get("message")
        draft.message("user", clean(mapping(message).get("text")) or clean(message), number)
        metadata = mapping(mapping(asked.get("result")).get("metadata"))
        rounds = sequence(metadata.get("toolCallRounds"))
        response = sequence(asked.get("response"))
        terminals = {clean(mapping(p).get("toolCallId")): _terminal(mapping(p)) for p in response}
        if any(sequence(mapping(one).get("toolCalls")) for one in rounds):
            results = mapping(metadata.get("toolCallResults"))
            for one in map(mapping, rounds):
                draft.words(StepKind.THOUGHT, draft.plain(mapping(one.get("thinking"))), number)
                draft.message("assistant", clean(one.get("response")), number)
                for call in map(mapping, sequence(one.get("toolCalls"))):
                    draft.call_in(call, number)
                    id = clean(call.get("id"))
                    if id in results:
                        said = terminals.get(id, Fate())
                        back = draft.plain(mapping(results[id]).get("content"))
                        draft.result(id, back, said, number)
            continue
        words: list[str] = []
        for part in map(mapping, response):
            value = part.get("value")
            if part.get("kind") in (None, "markdownContent"):
                inner = mapping(part.get("content")).get("value")
                words.append(clean(value) or clean(mapping(value).get("value")) or clean(inner))
            elif part.get("kind") == "toolInvocationSerialized":
                _vscode_call(draft, part, number)
            elif part.get("kind") in ("textEditGroup", "notebookEditGroup"):
                file = clean(mapping(part.get("uri")).get("path"))
                draft.call(clean(part.get("kind")), {"path": file}, None, number)
            elif part.get("kind") != "inlineReference":
                draft.skip(f"part {clean(part.get('kind'))}")
        draft.message("assistant", "".join(words), number)
    yield draft


def _terminal(part: Mapping[str, Any]) -> Fate:
    return fate(mapping(part.get("toolSpecificData")))


def _vscode_call(draft: Draft, part: Mapping[str, Any], number: int) -> None:
    """A call of which only a summary is kept."""
    held = mapping(part.get("toolSpecificData"))
    line = mapping(held.get("commandLine"))
    command = first(line, ("userEdited", "toolEdited", "original")) or held.get("command")
    given = {"command": command} if held.get("kind") == "terminal" else {}
    id = clean(part.get("toolCallId"))
    draft.call(clean(part.get("toolId")).removeprefix("copilot_"), given, id, number)
    output = mapping(held.get("terminalCommandOutput"))
    if output or "terminalCommandState" in held:
        draft.result(id, draft.plain(output), _terminal(part), number)


VSCODE = JsonFormat("vscode-chat", _is_vscode, _vscode)

# ---------------------------------------------------------------------- Cline and Roo

_ANSWER = re.compile(r"\[(\w+)(?: for '.*?')?\] Result:\s*", re.S)
_ELEMENTS = ("path", "content", "diff", "command", "line", "search", "replace", "result")
_XML_TOOLS = re.compile(
    r"<(write_to_file|replace_in_file|apply_diff|execute_command|read_file|insert_content|"
    r"search_and_replace|attempt_completion|list_files|search_files|new_task|use_mcp_tool|"
    r"ask_followup_question|update_todo_list|list_code_definition_names|browser_action|"
    r"switch_mode|plan_mode_respond|edit_file)>(.*?)(?:</\1>|\Z)",
    re.S,
)
_EXIT = re.compile(r"\b[Ee]xit code:? (\d{1,3})\b")
_DENIED = re.compile(r"The user denied this operation|The user rejected")
_FAILED = re.compile(r"(?:The tool execution failed|Error |This is a new error|Error executing)")
_STILL = re.compile(r"Command is still running")


def _is_cline(given: Parsed) -> bool:
    for _, record in _cline_records(given):
        message = mapping(record)
        if message.get("role") != "user":
            continue
        for words in _texts(message.get("content")):
            if _ANSWER.match(words[:300]) or words.startswith(("<task>", "<environment_details>")):
                return True
    return False


def _cline_records(given: Parsed) -> Records:
    inside = sequence(given.members.get("messages"))
    return tuple(enumerate(inside, start=1)) if inside else given.records


def _texts(content: object) -> list[str]:
    if isinstance(content, str):
        return [clean(content)]
    return [clean(mapping(block).get("text")) for block in sequence(content)]


def _cline(given: Parsed, path: Path | None) -> Iterator[Draft]:
    draft = Draft()
    # Open calls by the name of their tool.
    waiting: dict[str, list[str]] = {}
    for number, record in _cline_records(given):
        message = mapping(record)
        role, content = message.get("role"), message.get("content")
        draft.model = draft.model or model_of(mapping(message.get("modelInfo")))
        if role == "assistant":
            for block in sequence(content) or _texts(content):
                held = mapping(block)
                if held.get("type") == "tool_use":
                    id = clean(held.get("id")) or f"call {number}.{len(draft.steps)}"
                    waiting.setdefault(clean(held.get("name")), []).append(id)
                    draft.call(held.get("name"), held.get("input"), id, number)
                elif isinstance(block, str) or held.get("type") == "text":
                    words = clean(block) or clean(held.get("text"))
                    _cline_words(draft, waiting, words, number)
                else:
                    draft.message("assistant", [block], number)
        elif role == "user":
            for block in sequence(content) or _texts(content):
                words = clean(block) or clean(mapping(block).get("text"))
                answered = _ANSWER.match(words)
                if answered:
                    ids = waiting.get(answered[1]) or []
                    _cline_result(
                        draft, ids.pop(0) if ids else None, words[answered.end() :], number
                    )
                elif words.startswith("<environment_details>"):
                    draft.skip("environment details")
                else:
                    draft.message("user", [block], number)
        else:
            tell(draft, message, number)
    yield draft


def _cline_words(draft: Draft, waiting: dict[str, list[str]], words: str, number: int) -> None:
    """What the agent said, and the calls that it wrote as elements between its words."""
    place = 0
    for found in _XML_TOOLS.finditer(words):
        draft.words(StepKind.SAID, words[place : found.start()], number)
        given = {key: value for key in _ELEMENTS if (value := _element(found[2], key)) is not None}
        id = f"call {number}.{len(draft.steps)}"
        waiting.setdefault(found[1], []).append(id)
        draft.call(found[1], given, id, number)
        place = found.end()
    draft.words(StepKind.SAID, words[place:], number)


def _element(words: str, key: str) -> str | None:
    """What stands in the element ``key``, which may hold its own end in turn."""
    start, end = words.find(f"<{key}>"), words.rfind(f"</{key}>")
    if start < 0 or end < start:
        return None
    return words[start + len(key) + 2 : end].removeprefix("\n").removesuffix("\n")


def _cline_result(draft: Draft, id: str | None, words: str, number: int) -> None:
    lines = words.split("\n", 3)
    head = "\n".join(lines[:3])[:500]
    said = Fate()
    code = _EXIT.search(head)
    if _DENIED.match(words):
        said = fate({"status": "rejected"})
    elif _STILL.match(words):
        said = fate({"status": "running"})
    elif _FAILED.match(words):
        said = Fate(failed=True)
    elif code:
        said = fate({"exit_code": int(code[1])})
        if code.end() <= len(lines[0]):
            words = words.partition("\n")[2]
    draft.result(id, words, said, number)


CLINE = JsonFormat("cline", _is_cline, _cline)

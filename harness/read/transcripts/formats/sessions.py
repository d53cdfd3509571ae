"""Sessions of coding agents, as their command lines keep them.

Long because each has its own lines; what they share is in ``draft`` and ``outcome``.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.model import StepKind
from harness.read.transcripts.draft import Draft
from harness.read.transcripts.formats.base import JsonFormat
from harness.read.transcripts.formats.messages import model_of, tell
from harness.read.transcripts.outcome import fate
from harness.read.transcripts.parsed import (
    Parsed,
    Records,
    clean,
    first,
    mapping,
    parse,
    sequence,
)

# ---------------------------------------------------------------------- Claude Code

_SAID = ("assistant", "user")
_RESULTS = ("toolUseResult", "tool_use_result")
_AGENTS = ("Task", "Agent")
_AGENT_ID = re.compile(r"agentId: (\w[\w-]{0,60})")
# Agents that agents send out, files of them, and bytes of one.
_MAX_DEPTH, _MAX_AGENTS, _MAX_AGENT_BYTES = 3, 50, 32 << 20


def _lines_of(given: Parsed) -> Records:
    """The lines of a session; a session of the web has them in a list."""
    inside = sequence(given.members.get("loglines"))
    return tuple(enumerate(inside, start=1)) if inside else given.records


def _is_claude_line(line: object) -> bool:
    given = mapping(line)
    spoken = given.get("type") in _SAID and isinstance(given.get("message"), dict)
    return spoken or _is_printed(given)


def _is_printed(given: Mapping[str, Any]) -> bool:
    """Whether it is what ``--output-format json`` prints."""
    return given.get("type") == "result" and "subtype" in given and "result" in given


def _is_claude(given: Parsed) -> bool:
    return any(_is_claude_line(line) for _, line in _lines_of(given))


def _claude(given: Parsed, path: Path | None) -> Iterator[Draft]:
    draft = Draft()
    _Session(draft, path).read(_lines_of(given), aside=False, depth=0)
    yield draft


class _Session:
    """Reads a session and the files of the agents that were sent out in it."""

    def __init__(self, draft: Draft, path: Path | None) -> None:
        self.draft = draft
        self.path = path
        self.seen: set[tuple[object, str]] = set()
        self.files: set[Path] = set()

    def read(self, lines: Records, aside: bool, depth: int) -> None:
        agents = dict(_agents(lines))
        sides = sum(
            1
            for _, line in lines
            if mapping(line).get("isSidechain") is True and mapping(line).get("parentUuid") is None
        )
        spoken = False
        for number, record in lines:
            line = mapping(record)
            parent = line.get("parent_tool_use_id")
            if isinstance(parent, str):
                self.draft.told_elsewhere.add(parent)
            kind, message = line.get("type"), line.get("message")
            if kind not in _SAID or not isinstance(message, dict):
                if not (_is_printed(line) and not spoken and not aside):
                    what = f"line of type {clean(kind)}" if clean(kind) else "line without a type"
                    self.draft.skip(what)
                elif isinstance(line["result"], str):
                    self.draft.words(StepKind.SAID, line["result"], number)
                continue
            if line.get("isMeta") or line.get("isCompactSummary"):
                self.draft.skip("meta line" if line.get("isMeta") else "summary")
                continue
            side = aside or line.get("isSidechain") is True or isinstance(parent, str)
            content = message.get("content")
            sent: list[str] = []
            if kind == "assistant":
                content = self._new(message)
                spoken |= not side
                self.draft.model = self.draft.model or model_of(message)
                for block in map(mapping, sequence(content)):
                    if block.get("type") == "tool_use" and block.get("name") in _AGENTS:
                        id = clean(block.get("id"))
                        found = self._agent_file(agents.get(id, ""), depth)
                        if found is not None:
                            sent.append(agents[id])
                        if found is not None or sides > 0:
                            sides -= found is None
                            self.draft.told_elsewhere.add(id)
            results = [
                block
                for block in map(mapping, sequence(content))
                if clean(block.get("type")).endswith("tool_result")
            ]
            beside = _beside(line) if len(results) == 1 else None
            self.draft.message(str(kind), content, number, side, beside)
            for agent in sent:
                self._read_agent(agent, depth)

    def _new(self, message: Mapping[str, Any]) -> object:
        """The content of a message without blocks that an earlier line of it had."""
        id, content = message.get("id"), message.get("content")
        if not isinstance(id, str) or not isinstance(content, list):
            return content
        blocks = []
        for block in content:
            key = (id, json.dumps(block, sort_keys=True))
            if key not in self.seen:
                self.seen.add(key)
                blocks.append(block)
        return blocks

    def _agent_file(self, agent: str, depth: int) -> Path | None:
        if self.path is None or not agent or depth >= _MAX_DEPTH or len(self.files) >= _MAX_AGENTS:
            return None
        name = f"agent-{agent}.jsonl"
        for file in (self.path.with_suffix("") / "subagents" / name, self.path.parent / name):
            try:
                inside = file.resolve().is_relative_to(self.path.parent.resolve())
                if inside and file.is_file() and file.stat().st_size <= _MAX_AGENT_BYTES:
                    return file if file not in self.files else None
            except OSError:
                continue
        return None

    def _read_agent(self, agent: str, depth: int) -> None:
        file = self._agent_file(agent, depth)
        if file is None:
            return
        self.files.add(file)
        raw = file.read_bytes()
        self.draft.beside = (*self.draft.beside, hashlib.sha256(raw).hexdigest())
        # Not ``parse``, which remembers the file that this one belongs to.
        inner = parse.__wrapped__(raw)
        for what, count in inner.skipped.items():
            self.draft.skip(what, count)
        self.read(inner.records, aside=True, depth=depth + 1)


def _agents(lines: Records) -> Iterator[tuple[str, str]]:
    """Calls that sent an agent out, with its name."""
    for _, record in lines:
        line = mapping(record)
        for block in map(mapping, sequence(mapping(line.get("message")).get("content"))):
            if block.get("type") == "tool_result":
                said = mapping(first(line, _RESULTS)).get("agentId")
                if not isinstance(said, str):
                    words = [mapping(b).get("text") for b in sequence(block.get("content"))]
                    found = _AGENT_ID.search("\n".join(map(clean, words)))
                    said = found[1] if found else ""
                if re.fullmatch(r"\w[\w-]{0,60}", said):
                    yield clean(block.get("tool_use_id")), said


def _beside(line: Mapping[str, Any]) -> Mapping[str, Any]:
    """The typed fields beside a result."""
    given = mapping(first(line, _RESULTS))
    file = mapping(given.get("file"))
    whole = file.get("startLine") in (None, 1) and file.get("numLines") == file.get("totalLines")
    if isinstance(file.get("content"), str) and whole:
        return {"new_content": file["content"]}
    # ``status`` is that of an agent or of a shell that was asked for, not of the call.
    return given


CLAUDE_CODE = JsonFormat("claude-code", _is_claude, _claude)

# ---------------------------------------------------------------------- Cursor


def _is_cursor(given: Parsed) -> bool:
    return any(
        mapping(r).get("type") == "tool_call" and isinstance(mapping(r).get("tool_call"), dict)
        for _, r in given.records
    )


def _cursor(given: Parsed, path: Path | None) -> Iterator[Draft]:
    draft = Draft()
    thought: list[str] = []
    for number, record in given.records:
        line = mapping(record)
        kind = line.get("type")
        if kind in _SAID:
            draft.message(str(kind), mapping(line.get("message")).get("content"), number)
        elif kind == "thinking":
            thought.append(clean(line.get("text")))
            if line.get("subtype") == "completed":
                draft.words(StepKind.THOUGHT, "".join(thought), number)
                thought.clear()
        elif kind == "tool_call":
            _cursor_call(draft, line, number)
        elif kind == "system":
            draft.model = model_of(line)
            draft.skip("line of type system")
        else:
            draft.skip(f"line of type {clean(kind)}" if clean(kind) else "line without a type")
    yield draft


def _cursor_call(draft: Draft, line: Mapping[str, Any], number: int) -> None:
    id = clean(line.get("call_id")) or None
    for name, inner in mapping(line.get("tool_call")).items():
        if not isinstance(inner, dict):
            continue
        arguments = first(inner, ("args", "arguments"))
        if not draft.is_open(id):
            draft.call(clean(inner.get("name")) or name, arguments, id, number)
        if line.get("subtype") == "completed":
            result = mapping(inner.get("result"))
            ways = ("success", "failure", "error", "rejected", "timeout", "permissionDenied")
            inside = mapping(first(result, ways))
            typed = {**inside, "isBackground": inner.get("isBackground")}
            refused = any(way in result for way in ("rejected", "permissionDenied"))
            state = "rejected" if refused else "timeout" if "timeout" in result else ""
            bad = {"status": state} if state else {"success": False} if "error" in result else {}
            words = first(inside, ("interleavedOutput", "stdout", "content", "message", "error"))
            draft.result(id, draft.plain(words), fate(bad, typed), number)
        return
    draft.skip("tool call without a function")


CURSOR = JsonFormat("cursor", _is_cursor, _cursor)

# ---------------------------------------------------------------------- Copilot CLI


def _is_copilot(given: Parsed) -> bool:
    return any(
        clean(mapping(r).get("type")) in ("assistant.message", "user.message", "session.start")
        and isinstance(mapping(r).get("data"), dict)
        for _, r in given.records
    )


def _copilot(given: Parsed, path: Path | None) -> Iterator[Draft]:
    draft = Draft()
    for number, record in given.records:
        kind, data = clean(mapping(record).get("type")), mapping(mapping(record).get("data"))
        aside = isinstance(data.get("parentToolCallId"), str)
        if aside:
            draft.told_elsewhere.add(data["parentToolCallId"])
        if kind == "user.message":
            draft.message("user", data.get("content"), number)
        elif kind == "assistant.message":
            draft.words(StepKind.THOUGHT, data.get("reasoningText"), number)
            draft.message("assistant", data.get("content"), number, aside)
            for request in sequence(data.get("toolRequests")):
                draft.call_in(mapping(request), number)
        elif kind == "tool.execution_start" and not draft.is_open(data.get("toolCallId")):
            call = first(data, ("toolName", "name"))
            draft.call(call, data.get("arguments"), data.get("toolCallId"), number)
        elif kind == "tool.execution_complete":
            draft.model = draft.model or model_of(data)
            words = first(data, ("result", "error"))
            draft.result(data.get("toolCallId"), draft.plain(words), fate(data, words), number)
        elif kind != "tool.execution_start":
            draft.skip(f"line of type {kind}" if kind else "line without a type")
    yield draft


COPILOT = JsonFormat("copilot-cli", _is_copilot, _copilot)

# ---------------------------------------------------------------------- Gemini CLI


def _gemini_records(given: Parsed) -> Records:
    inside = sequence(given.members.get("messages"))
    return tuple(enumerate(inside, start=1)) if inside else given.records


def _is_gemini(given: Parsed) -> bool:
    return any(mapping(r).get("type") == "gemini" for _, r in _gemini_records(given))


def _gemini(given: Parsed, path: Path | None) -> Iterator[Draft]:
    draft = Draft()
    # A message is written again whenever something is added to it.
    last: dict[object, tuple[int, Any]] = {}
    for number, record in _gemini_records(given):
        id = mapping(record).get("id")
        last[id if isinstance(id, str) else number] = (number, record)
    for number, record in last.values():
        line = mapping(record)
        kind = line.get("type")
        if kind == "user":
            draft.message("user", line.get("content"), number)
        elif kind == "gemini":
            for thought in sequence(line.get("thoughts")):
                said = mapping(thought)
                words = [clean(said.get("subject")), clean(said.get("description"))]
                draft.words(StepKind.THOUGHT, "\n".join(filter(None, words)), number)
            draft.message("assistant", line.get("content"), number)
            draft.model = draft.model or model_of(line)
            for call in map(mapping, sequence(line.get("toolCalls"))):
                draft.call_in(call, number)
                if "result" in call or "status" in call:
                    _gemini_result(draft, call, number)
        elif clean(kind):
            draft.skip(f"line of type {clean(kind)}")
        else:
            draft.skip("line without a type")
    yield draft


def _gemini_result(draft: Draft, call: Mapping[str, Any], number: int) -> None:
    parts = [
        mapping(mapping(one).get("functionResponse")).get("response")
        for one in sequence(call.get("result"))
    ]
    words = "\n".join(draft.plain(part) for part in parts if isinstance(part, dict))
    words = words or clean(call.get("resultDisplay"))
    said = fate(call, *parts)
    # It tells the exit status where that is not zero, and else nothing.
    if said.failed is None and words.startswith("Output:") and "\nExit Code: " not in words:
        odd = any(f"\n{sign}: " in words for sign in ("Error", "Signal"))
        said = said if odd else replace(said, status=0, failed=False)
    draft.result(call.get("id"), words, said, number)


GEMINI = JsonFormat("gemini-cli", _is_gemini, _gemini)

# ---------------------------------------------------------------------- pi


def _is_pi(given: Parsed) -> bool:
    return any(
        mapping(r).get("type") == "message" and isinstance(mapping(r).get("message"), dict)
        for _, r in given.records
    )


def _pi(given: Parsed, path: Path | None) -> Iterator[Draft]:
    draft = Draft()
    for number, record in given.records:
        line = mapping(record)
        message = mapping(line.get("message"))
        if line.get("type") != "message":
            kind = clean(line.get("type"))
            draft.skip(f"line of type {kind}" if kind else "line without a type")
        elif message.get("role") == "bashExecution":
            # What the user ran between two messages.
            draft.call("bash", message, None, number)
            draft.result(None, draft.plain(message.get("output")), fate(message), number)
        else:
            tell(draft, message, number)
            draft.model = draft.model or model_of(message)
    yield draft


PI = JsonFormat("pi", _is_pi, _pi)

# ---------------------------------------------------------------------- opencode


def _opencode_messages(given: Parsed) -> Iterator[tuple[int, str, list[Any], str | None]]:
    """Number, role, parts and model of each message."""
    for number, record in enumerate(sequence(given.members.get("messages")), start=1):
        info = mapping(mapping(record).get("info"))
        if "role" in info and isinstance(mapping(record).get("parts"), list):
            yield number, clean(info.get("role")), mapping(record)["parts"], model_of(info)
    for number, record in given.records:
        part = mapping(record).get("part")
        if given.lines and isinstance(part, dict) and "sessionID" in mapping(record):
            yield number, "assistant", [part], None


def _opencode(given: Parsed, path: Path | None) -> Iterator[Draft]:
    draft = Draft()
    for number, role, parts, model in _opencode_messages(given):
        draft.model = draft.model or (model if role == "assistant" else None)
        for part in parts:
            held = mapping(part)
            if held.get("type") != "tool":
                draft.message(role, [part], number)
                continue
            state = mapping(held.get("state"))
            draft.call(held.get("tool"), state.get("input"), held.get("callID"), number)
            if state.get("status") not in (None, "pending", "running"):
                words = draft.plain(first(state, ("output", "error")))
                draft.result(held.get("callID"), words, fate(state), number)
    yield draft


OPENCODE = JsonFormat(
    "opencode", lambda given: any(True for _ in _opencode_messages(given)), _opencode
)

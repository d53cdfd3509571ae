"""Sessions of coding agents, as their command lines and editors keep them."""

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
from harness.read.transcripts.outcome import Fate, fate
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

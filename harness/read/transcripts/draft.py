"""A transcript while it is being read: steps are added, results find their calls."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness.model import Ending, Step, StepKind, Transcript
from harness.read.transcripts.outcome import Fate, fate, told, unframed
from harness.read.transcripts.parsed import clean, first, mapping, sequence
from harness.read.transcripts.patch import whole_file
from harness.read.transcripts.tools import (
    is_look,
    path_of,
    polled,
    raw_steps,
    read_path,
    steps_of,
)

_IDS = ("tool_use_id", "tool_call_id", "toolCallId", "toolUseId", "call_id", "callID",
        "source_call_id", "id")  # fmt: skip
_NAMES = ("name", "toolName", "tool_name", "function_name", "tool", "function")
_ARGUMENTS = ("input", "arguments", "args", "parameters", "rawInput")
_RESULTS = ("content", "output", "result", "response", "errorText", "error", "results")
_SAID = frozenset({"text", "output_text", "input_text", "refusal", "summary_text"})
_THOUGHT = frozenset({"thinking", "reasoning", "reasoningContent", "thought", "think"})
_CALLS = frozenset({"tool_use", "server_tool_use", "mcp_tool_use", "toolCall", "tool-call", "tool",
                    "tool_call", "function_call", "custom_tool_call", "function", "toolUse",
                    "functionCall"})  # fmt: skip
_ANSWERS = frozenset({"tool-result", "toolResult", "toolResponse", "function_call_output",
                      "custom_tool_call_output", "functionResponse"})  # fmt: skip
# Parts of a message that say nothing about what was done.
_FRAME = frozenset({"step-start", "step-finish", "snapshot", "redacted_thinking"})


class Draft:
    """Collects the steps of one transcript."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.skipped: Counter[str] = Counter()
        self._open: dict[str, list[int]] = {}
        # Calls of readers: the file that their result shows.
        self._reads: dict[str, str] = {}
        # What goes on in the background, by the name that asks for it.
        self._going: dict[str, list[int]] = {}
        # Calls without a name, which are answered in turn.
        self._unnamed: deque[str] = deque()
        # Names of calls that do nothing but what is read elsewhere: agents that were sent out.
        self.told_elsewhere: set[str] = set()
        # What the file says about the conversation; see ``Recorded``.
        self.model: str | None = None
        self.sample: int | None = None
        self.task_id: str | None = None
        self.arm: str | None = None
        self.beside: tuple[str, ...] = ()

    def finish(self, format: str) -> Transcript:
        """What was collected."""
        return Transcript(tuple(self.steps), format, dict(sorted(self.skipped.items())))

    def skip(self, what: str, count: int = 1) -> None:
        """Count something that is not taken over."""
        self.skipped[clean(what)[:60] or "unnamed"] += count

    def words(self, kind: StepKind, text: object, record: int) -> None:
        """Add what somebody said."""
        if clean(text).strip():
            self.steps.append(Step(kind, record, clean(text)))

    def message(
        self, role: str, content: object, record: int, aside: bool = False, beside: object = None
    ) -> None:
        """Add the content of a message: a string, blocks, or nothing.

        ``aside`` marks agents that the agent sent out: what they do counts, their words do not.
        ``beside`` are fields that tell what became of the calls that are answered in it.
        """
        if isinstance(content, list):
            for block in content:
                self._block(role, block, record, aside, beside)
        elif isinstance(content, str):
            self._say(role, content, record, aside)
        elif isinstance(content, dict):
            self._block(role, content, record, aside, beside)
        elif content is not None:
            self.skip(f"content of type {type(content).__name__}")

    def _say(self, role: str, text: object, record: int, aside: bool) -> None:
        if role == "assistant":
            self.words(StepKind.THOUGHT if aside else StepKind.SAID, text, record)
        elif aside:
            self.skip("message to a side chain")
        else:
            self.words(StepKind.USER, text, record)

    def _block(self, role: str, block: object, record: int, aside: bool, beside: object) -> None:
        if isinstance(block, str):
            self._say(role, block, record, aside)
            return
        if not isinstance(block, dict):
            self.skip(f"block of type {type(block).__name__}")
            return
        kind, inner = _kind(block)
        if kind in _SAID:
            words = first(inner, ("text", "content", "refusal"))
            self._say(role, words, record, aside)
        elif kind in _THOUGHT:
            self.words(StepKind.THOUGHT, _thought(inner), record)
        elif kind in _ANSWERS or kind.endswith("tool_result"):
            self.answer(inner, record, beside)
        elif kind in _CALLS or (kind.startswith("tool-") and "toolCallId" in inner):
            self.call_in(inner, record, name=kind.removeprefix("tool-"))
            if clean(inner.get("state")).startswith("output"):
                # A call that holds its own result.
                self.answer({**inner, "input": None}, record)
        elif kind not in _FRAME:
            self.skip(f"block {kind or 'without a type'}")

    def plain(self, content: object) -> str:
        """The text of a result."""
        if isinstance(content, list):
            texts = [b if isinstance(b, str) else _words_of(b) for b in content]
            for block, text in zip(content, texts, strict=True):
                if text is None:
                    kind = block.get("type") if isinstance(block, dict) else type(block).__name__
                    self.skip(f"block {clean(kind) or 'without a type'} in a result")
            return "\n".join(clean(text) for text in texts if text is not None)
        if isinstance(content, dict):
            return clean(_words_of(content) or "")
        return clean(content)

    # ---------------------------------------------------------------------- calls and results

    def call_in(self, block: Mapping[str, Any], record: int, name: str = "") -> None:
        """Add the call that a block holds under any of the usual keys."""
        function = mapping(block.get("function")) or block
        named = first(function, _NAMES) or name
        self.call(named, first(function, _ARGUMENTS), first(block, _IDS), record)

    def answer(self, block: Mapping[str, Any], record: int, beside: object = None) -> None:
        """Add the result that a block holds under any of the usual keys."""
        content = first(block, _RESULTS)
        inner = sequence(content)[:1] if isinstance(content, list) else [content]
        said = fate(beside, block, *inner)
        self.result(first(block, _IDS), self.plain(content), said, record)

    def call(self, name: object, arguments: object, id: object, record: int) -> None:
        """Add a call of a tool, told by the shape of its arguments."""
        named = clean(name) or "unnamed tool"
        steps: list[Step] = []
        if isinstance(arguments, str):
            try:
                arguments = json.loads(arguments)
            except (ValueError, RecursionError):
                steps = list(raw_steps(named, clean(arguments), record))
                if not steps:
                    self.skip(f"call of {named} with arguments that are not JSON")
                    steps = [Step(StepKind.UNKNOWN, record, named)]
        given = mapping(arguments)
        steps = steps or list(steps_of(named, given, record))
        if not steps:
            path = read_path(named, given)
            looks = is_look(named) or path is not None
            if isinstance(id, str) and id in self.told_elsewhere:
                looks = True
            kind = StepKind.LOOKED if looks else StepKind.UNKNOWN
            steps = [Step(kind, record, named, path or path_of(given))]
            if not looks:
                self.skip(f"call of {named}")
        places = list(range(len(self.steps), len(self.steps) + len(steps)))
        self.steps += steps
        going = self._going.get(polled(named, given) or "")
        if not isinstance(id, str) or not id:
            id = f"#{len(self.steps)}"
            self._unnamed.append(id)
        self._open.setdefault(id, []).extend(going or places)
        path = read_path(named, given)
        if path is not None and len(steps) == 1:
            self._reads[id] = path

    def result(self, id: object, output: str, said: Fate, record: int) -> None:
        """Add what a tool gave back, also to the steps that called it."""
        said = told(output, said)
        if not isinstance(id, str) and self._unnamed:
            id = self._unnamed.popleft()
        # The first result alone: many for many calls of one name would cost the square.
        places = self._open.pop(id, []) if isinstance(id, str) else []
        ran = [place for place in places if self.steps[place].kind is StepKind.RAN]
        for place in places:
            self.steps[place] = _with(self.steps[place], unframed(output), said, len(ran) < 2)
        if said.background:
            self._going.setdefault(said.background, []).extend(ran)
        path = self._reads.pop(id, None) if isinstance(id, str) else None
        shown = whole_file(output) if path and not said.failed else None
        if shown is not None and said.after is None:
            self.steps.append(Step(StepKind.SHOWED, record, shown, path))
        else:
            self.steps.append(Step(StepKind.RESULT, record, output, failed=said.failed))
        if said.failed:
            return
        changed = [self.steps[place] for place in places if self.steps[place].path]
        if said.after is not None and len(changed) == 1 and said.after != changed[0].text:
            self.steps.append(Step(StepKind.SHOWED, record, said.after, changed[0].path))

    def is_open(self, id: object) -> bool:
        """Whether there is a call of this name that has no result yet."""
        return isinstance(id, str) and id in self._open


def _with(step: Step, output: str, said: Fate, alone: bool) -> Step:
    """``step`` with what is known of its end; ``alone`` if the status is that of no other run."""
    if step.kind is not StepKind.RAN:
        # A patch that stands beside a command does not fail with it.
        refused = said.status is None and said.failed
        failed = said.failed if refused or said.failed is False else None
        return replace(step, output=output, failed=failed, before=said.before)
    ending = said.ending or step.ending
    if step.ending is Ending.STARTED and said.status is None and said.ending is Ending.FINISHED:
        ending = step.ending
    if not alone:
        return replace(step, output=output, failed=said.failed or None, ending=said.ending)
    return replace(step, output=output, failed=said.failed, status=said.status, ending=ending)


def _kind(block: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """What a block is, and where its fields are."""
    kind = block.get("type") or block.get("part_kind") or block.get("kind")
    if isinstance(kind, str):
        return clean(kind), block
    if isinstance(block.get("text"), str):
        return "text", block
    # ``{"toolUse": {…}}``
    for name in (*_CALLS, *_ANSWERS, *_THOUGHT):
        if isinstance(block.get(name), dict):
            return name, block[name]
    return "", block


def _thought(block: Mapping[str, Any]) -> str:
    inner = mapping(block.get("reasoningText"))
    words = first(block, ("thinking", "reasoning", "text", "content", "summary", "think"))
    if isinstance(words, list):
        return "\n".join(clean(mapping(one).get("text")) for one in words)
    return clean(words) or clean(inner.get("text"))


def _words_of(block: object) -> str | None:
    """The text that a part of a result holds; ``None`` where it holds none."""
    given = mapping(block)
    if not given:
        return None
    if isinstance(given.get("text"), str):
        return clean(given["text"])
    streams = [given.get(key) for key in ("stdout", "stderr")]
    if any(isinstance(stream, str) for stream in streams):
        return "\n".join(clean(s) for s in streams if isinstance(s, str) and s)
    value = first(given, ("output", "content", "value", "result", "json", "message", "llmContent"))
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list | dict):
        parts = [_words_of(v) if not isinstance(v, str) else v for v in sequence(value)[:200]]
        if isinstance(value, dict):
            parts = [_words_of(value)]
        known = [part for part in parts if part is not None]
        return "\n".join(known) if known else None
    if "type" in given and str(given["type"]).endswith(("_result", "_output")):
        # Such as the result of an edit, which has fields and no words.
        return ""
    return None

"""A transcript while it is being read: steps are added, results find their calls."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from harness.code.lines import split_lines
from harness.model import Edit, Step, StepKind, Transcript

_PATHS = ("file_path", "path", "filename", "file", "target_file", "notebook_path")
_CONTENTS = ("content", "file_text", "contents", "file_content")
_COMMANDS = ("command", "cmd", "script", "bash", "shell_command")
# Tools that change no file and run no code.
_LOOKS = frozenset(
    {"read", "grep", "glob", "ls", "list", "todowrite", "todoread", "websearch", "webfetch",
     "read_file", "list_dir", "list_directory", "search", "search_files", "think", "update_plan",
     "exitplanmode", "view"}
)  # fmt: skip
_STATUS = re.compile(
    r"(?:exit(?:ed)?(?: with)?[ _](?:code|status)|return ?code)\W{0,6}(-?\d{1,3})\b", re.I
)


def clean(value: object) -> str:
    """A string without lone surrogates, which JSON allows and nothing can write; else empty."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""


class Draft:
    """Collects the steps of one transcript."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.skipped: Counter[str] = Counter()
        self._open: dict[str, list[int]] = {}

    def finish(self, format: str) -> Transcript:
        """What was collected."""
        return Transcript(tuple(self.steps), format, dict(sorted(self.skipped.items())))

    def skip(self, what: str) -> None:
        """Count something that is not taken over."""
        self.skipped[clean(what)[:60] or "unnamed"] += 1

    def words(self, kind: StepKind, text: object, record: int) -> None:
        """Add what somebody said."""
        if clean(text).strip():
            self.steps.append(Step(kind, record, clean(text)))

    def message(self, role: str, content: object, record: int, aside: bool = False) -> None:
        """Add the content of a message: a string, blocks, or nothing.

        ``aside`` marks agents that the agent sent out: what they do counts, their words do not.
        """
        if isinstance(content, list):
            for block in content:
                self._block(role, block, record, aside)
        elif isinstance(content, str):
            self._say(role, content, record, aside)
        elif content is not None:
            self.skip(f"content of type {type(content).__name__}")

    def _say(self, role: str, text: object, record: int, aside: bool) -> None:
        if role == "assistant":
            self.words(StepKind.THOUGHT if aside else StepKind.SAID, text, record)
        elif aside:
            self.skip("message to a side chain")
        else:
            self.words(StepKind.USER, text, record)

    def _block(self, role: str, block: object, record: int, aside: bool) -> None:
        if isinstance(block, str):
            self._say(role, block, record, aside)
            return
        if not isinstance(block, dict):
            self.skip(f"block of type {type(block).__name__}")
            return
        kind = block.get("type")
        match kind:
            case "text" | "output_text" | "input_text" | "refusal":
                self._say(role, block.get("text") or block.get("refusal"), record, aside)
            case "thinking" | "reasoning":
                words = block.get("thinking") or block.get("reasoning") or block.get("text")
                self.words(StepKind.THOUGHT, words, record)
            case "tool_use":
                self.call(block.get("name"), block.get("input"), block.get("id"), record)
            case "tool_result":
                failed = block.get("is_error")
                self.result(
                    block.get("tool_use_id"),
                    self.plain(block.get("content")),
                    failed if isinstance(failed, bool) else None,
                    record,
                )
            case _:
                self.skip(f"block {clean(kind) or 'without a type'}")

    def plain(self, content: object) -> str:
        """The text of a result."""
        if isinstance(content, list):
            texts = [b.get("text") if isinstance(b, dict) else b for b in content]
            for block, text in zip(content, texts, strict=True):
                if not isinstance(text, str):
                    kind = block.get("type") if isinstance(block, dict) else type(block).__name__
                    self.skip(f"block {clean(kind) or 'without a type'} in a result")
            return "\n".join(clean(text) for text in texts if isinstance(text, str))
        return clean(content)

    def call(self, name: object, arguments: object, id: object, record: int) -> None:
        """Add a call of a tool, told by the shape of its arguments."""
        named = clean(name) or "unnamed tool"
        if isinstance(arguments, str):
            try:
                arguments = json.loads(arguments)
            except (ValueError, RecursionError):
                self.skip(f"call of {named} with arguments that are not JSON")
                self.steps.append(Step(StepKind.UNKNOWN, record, named))
                return
        steps = list(_actions(named, arguments, record)) if isinstance(arguments, dict) else []
        if not steps:
            looked = named.lower() in _LOOKS
            steps = [Step(StepKind.LOOKED if looked else StepKind.UNKNOWN, record, named)]
            if not looked:
                self.skip(f"call of {named}")
        if isinstance(id, str):
            self._open.setdefault(id, []).extend(
                range(len(self.steps), len(self.steps) + len(steps))
            )
        self.steps += steps

    def result(self, id: object, text: str, failed: bool | None, record: int) -> None:
        """Add what a tool gave back, also to the step that called it."""
        status = _status(text)
        if failed is None or status:
            failed = failed if status is None else status != 0
        # The first result alone: many for many calls of one name would cost the square.
        for index in self._open.pop(id, ()) if isinstance(id, str) else ():
            self.steps[index] = replace(
                self.steps[index], output=text, failed=failed, status=status
            )
        self.steps.append(Step(StepKind.RESULT, record, text, failed=failed))


def _status(text: str) -> int | None:
    """The exit status that a tool wrote into its first or last lines."""
    lines = split_lines(text.strip())
    for line in (*lines[:2], *lines[-3:]):
        # Beginning of the line only: a test may print these words too.
        found = _STATUS.search(line[:60])
        if found and found.start() < 12:
            return int(found[1])
    return None


def _first(given: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((given[name] for name in names if name in given), None)


def _actions(name: str, given: Mapping[str, Any], record: int) -> Iterator[Step]:
    path, content = _first(given, _PATHS), _first(given, _CONTENTS)
    command, code = _first(given, _COMMANDS), given.get("code")
    if isinstance(path, str):
        path = clean(path)
        edits = tuple(_edits(given))
        if edits:
            yield Step(StepKind.EDITED, record, path=path, edits=edits)
        elif isinstance(content, str):
            yield Step(StepKind.WROTE, record, clean(content), path)
    elif isinstance(command, list) and command and all(isinstance(w, str) for w in command):
        # ["bash", "-lc", "…"]
        yield Step(StepKind.RAN, record, clean(command[-1] if len(command) > 2 else command[0]))
    elif isinstance(command, str):
        yield Step(StepKind.RAN, record, clean(command))
    elif isinstance(code, str):
        language = "shell" if re.search(r"bash|shell|terminal", name, re.I) else "python"
        yield Step(StepKind.RAN, record, clean(code), language=language)


def _edits(given: Mapping[str, Any]) -> Iterator[Edit]:
    several = given.get("edits")
    for one in several if isinstance(several, list) else [given]:
        if not isinstance(one, dict):
            continue
        old = _first(one, ("old_string", "old_str"))
        new = _first(one, ("new_string", "new_str", "insert_text"))
        line = one.get("insert_line")
        if isinstance(line, int) and isinstance(new, str):
            yield Edit("", clean(new), after_line=line)
        elif isinstance(old, str):
            yield Edit(clean(old), clean(new), one.get("replace_all") is True)

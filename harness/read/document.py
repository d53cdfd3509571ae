"""YAML that remembers its lines.

The language is YAML 1.2's core schema (``1e-5`` is a number, ``no`` is a word, ``2024-01-01``
is text) without anchors, aliases and tags: a file says what it looks like it says, and no
small file can grow into a large value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.read.problem import KeyPath, Problem, described

# A hand-written scenario is a few KiB; these only stop accidents and attacks.
MAX_BYTES = 256 * 1024
MAX_DEPTH = 20
MAX_DIGITS = 30

_WORDS: Mapping[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"([-+]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
# The same grammar, scanned in C where libyaml is there; ten times as fast.
_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class YamlDocument:
    """A parsed file and where each of its values was written."""

    path: Path
    # Bytes as read, for fingerprints.
    data: bytes
    # Plain dicts, lists and scalars; ``None`` for an empty file.
    value: Any
    # Line of each key or list item, from 1.
    lines: Mapping[KeyPath, int]

    def line(self, key: KeyPath) -> int:
        """The line of ``key``, or of the closest part of it that exists."""
        while key and key not in self.lines:
            key = key[:-1]
        return self.lines.get(key, 1)

    def problem(
        self, key: KeyPath, found: str, expected: str, remedy: str, nearest: str | None = None
    ) -> Problem:
        """What is wrong at ``key``."""
        return Problem(self.path, self.line(key), key, found, expected, remedy, nearest)


class _UnreadableError(Exception):
    """Carries the one problem after which reading on makes no sense."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem


def read(path: Path) -> tuple[YamlDocument | None, list[Problem]]:
    """The document at ``path``, or every reason why it cannot be taken in."""
    try:
        data = _bytes(path)
        builder = _Builder(path, _text(path, data))
        value = builder.document()
    except _UnreadableError as error:
        return None, [error.problem]
    if builder.problems:
        return None, builder.problems
    return YamlDocument(path, data, value, builder.lines), []


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        found = f"no readable file ({error.strerror or error})"
        remedy = "Check the path and its permissions."
        raise _UnreadableError(Problem(path, None, (), found, "a YAML file", remedy)) from error
    if len(data) > MAX_BYTES:
        found, expected = f"more than {MAX_BYTES} bytes", f"at most {MAX_BYTES} bytes"
        remedy = "Split the file; such a file is a few KiB."
        raise _UnreadableError(Problem(path, None, (), found, expected, remedy))
    return data


def _text(path: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"the byte 0x{data[error.start]:02x}, which is not UTF-8"
        remedy = "Save the file as UTF-8."
        raise _UnreadableError(Problem(path, line, (), found, "UTF-8 text", remedy)) from error


class _Builder:
    """Builds plain values from parser events, noting lines and collecting problems."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.lines: dict[KeyPath, int] = {}
        self.problems: list[Problem] = []
        self._text = text
        self._events: Iterator[Any] = iter(())

    def document(self) -> Any:
        """The value of the only document in the text; ``None`` where there is none."""
        try:
            self._events = yaml.parse(self._text, Loader=_LOADER)
            next(self._events)  # the stream starts
            if isinstance(next(self._events), yaml.StreamEndEvent):
                return None
            value = self._value(next(self._events), ())
            next(self._events)  # the document ends
            after = next(self._events)
        except yaml.YAMLError as error:
            raise _UnreadableError(self._syntax(error)) from error
        if not isinstance(after, yaml.StreamEndEvent):
            self._stop(_line(after), (), "a second document", "one", "Use one file for each.")
        return value

    def _value(self, event: Any, key: KeyPath) -> Any:
        if len(key) > MAX_DEPTH:
            found, expected = "deeper nesting", f"at most {MAX_DEPTH} levels"
            self._stop(_line(event), key, found, expected, "Flatten it.")
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            found, expected = f"the anchor or alias {event.anchor!r}", "a plain value"
            remedy = "Write the value out; a leading * or & needs quotes."
            self._note(_line(event), key, found, expected, remedy)
            if isinstance(event, yaml.AliasEvent):
                return None
        if event.tag is not None:
            found, remedy = f"the tag {event.tag!r}", "Delete the tag; a leading ! needs quotes."
            self._note(_line(event), key, found, "an untagged value", remedy)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, key)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(key)
        return self._mapping(key)

    def _sequence(self, key: KeyPath) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            at = (*key, len(items))
            self.lines[at] = _line(event)
            items.append(self._value(event, at))
        return items

    def _mapping(self, key: KeyPath) -> dict[str, Any]:
        items: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            name = self._value(event, (*key, "?"))
            if not isinstance(name, str):
                found, remedy = f"the key {described(name)}", "Put the key in quotes."
                self._note(_line(event), key, found, "a key that is a string", remedy)
                self._value(next(self._events), (*key, "?"))
                continue
            at = (*key, name)
            if name in items:
                found = f"the key {name!r} again, first on line {self.lines[at]}"
                self._note(_line(event), at, found, "each key once", "Merge the two.")
                self._value(next(self._events), at)
                continue
            self.lines[at] = _line(event)
            items[name] = self._value(next(self._events), at)
        return items

    def _scalar(self, event: Any, key: KeyPath) -> str | int | float | bool | None:
        text: str = event.value
        if not event.implicit[0]:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if special := _SPECIAL.fullmatch(text):
            return float("nan") if special[3] else float(f"{special[1]}inf")
        if _INT.fullmatch(text):
            if len(text) <= MAX_DIGITS:
                return int(text)
            found, remedy = f"a number of {len(text)} digits", "Shorten it or put it in quotes."
            self._note(_line(event), key, found, f"at most {MAX_DIGITS}", remedy)
            return None
        return float(text) if _FLOAT.fullmatch(text) else text

    def _syntax(self, error: yaml.YAMLError) -> Problem:
        mark = getattr(error, "problem_mark", None)
        if mark is None:  # a control character: the reader knows only its position
            position = getattr(error, "position", 0)
            line = self._text.count("\n", 0, position) + 1
            remedy = "Delete the character."
            return Problem(self.path, line, (), "a control character", "printable text", remedy)
        line = mark.line + 1
        tab = self._tab_near(line)
        if tab is not None:
            found, remedy = "a tab in the indentation", "Indent with spaces."
            return Problem(self.path, tab, (), found, "spaces", remedy)
        found = f"a YAML syntax error: {getattr(error, 'problem', None) or error}"
        remedy = "Check the indentation, quotes and brackets around this line."
        return Problem(self.path, line, (), found, "valid YAML", remedy)

    def _tab_near(self, line: int) -> int | None:
        """The line before or at a syntax error whose indentation holds a tab."""
        rows = self._text.split("\n")
        for number in (line, line - 1):
            if 1 <= number <= len(rows) and re.match(r"[ ]*\t", rows[number - 1]):
                return number
        return None

    def _note(self, line: int, key: KeyPath, found: str, expected: str, remedy: str) -> None:
        self.problems.append(Problem(self.path, line, key, found, expected, remedy))

    def _stop(self, line: int, key: KeyPath, found: str, expected: str, remedy: str) -> None:
        raise _UnreadableError(Problem(self.path, line, key, found, expected, remedy))


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1

"""A JSON object in a file, of which one member, or one item of a list, is in memory at a time.

Any layout is read. Two passes are meant: ``Pieces`` parses all of it once and remembers where
everything is; whoever wants a piece then asks for its bytes.
"""

from __future__ import annotations

import codecs
import json
import re
from array import array
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final, NoReturn

_CHUNK: Final = 1 << 20
# The parser may find the end of what it was given this many characters early: ``-Infinity``.
_WORD: Final = 16
_SPACE: Final = re.compile(r"[ \t\n\r]*")


class JsonFault(Exception):
    """The text is not JSON; ``message`` and place as in ``json.JSONDecodeError``."""

    def __init__(self, message: str, line: int, column: int, *, at_end: bool) -> None:
        super().__init__(message)
        self.message, self.line, self.column, self.at_end = message, line, column, at_end


class NotUtf8(Exception):
    """A byte that is no text, and its place in the file."""

    def __init__(self, byte: int, offset: int) -> None:
        super().__init__(f"byte {byte:#04x} at offset {offset}")


class Constant(Exception):
    """``NaN`` or an infinity, which Python writes and JSON does not know."""


@dataclass
class Listed:
    """Where the items of a list are, in bytes."""

    starts: array[int] = field(default_factory=lambda: array("q"))
    ends: array[int] = field(default_factory=lambda: array("q"))
    # The ``id`` of each, ``None`` where it has none that is a string.
    ids: list[str | None] = field(default_factory=list)


class Pieces:
    """Where the members of the object in ``file`` are, and where the items of some of them."""

    def __init__(self, file: BinaryIO, lists: Collection[str]) -> None:
        """Parse all of ``file``, a file that can be sought in.

        Of the members named in ``lists`` that are lists each item is a piece of its own. Raises
        ``JsonFault``, ``NotUtf8``, ``Constant``, and as the parser does ``ValueError`` (a number
        with too many digits) and ``RecursionError``.
        """
        self._file = file
        self._spans: dict[str, tuple[int, int]] = {}
        self.listed: dict[str, Listed] = {}
        # The whole value where it is no object.
        self.value: Any = {}
        text = _Text(file)
        if text.peek() != "{":
            self.value, _ = text.value()
        else:
            for name in text.members():
                # As for every parser the last one of a name counts.
                self.listed.pop(name, None)
                if name in lists and text.peek() == "[":
                    self._spans[name] = (0, 0)
                    self.listed[name] = _items(text)
                else:
                    value, self._spans[name] = text.value()
                    # What is large is read when it is asked for.
                    self.value[name] = type(value)() if isinstance(value, dict | list) else value
        text.end()

    def skeleton(self) -> bytes:
        """The object with its lists, those of the pieces, empty."""
        members = (
            json.dumps(name).encode()
            + b": "
            + (b"[]" if name in self.listed else self._read(*self._spans[name]))
            for name in self._spans
        )
        return b"{" + b", ".join(members) + b"}"

    def item(self, name: str, place: int) -> bytes:
        """One item of a list."""
        listed = self.listed[name]
        return self._read(listed.starts[place], listed.ends[place])

    def _read(self, start: int, end: int) -> bytes:
        self._file.seek(start)
        return self._file.read(end - start)


def _items(text: _Text) -> Listed:
    listed = Listed()
    for value, (start, end) in text.items():
        listed.starts.append(start)
        listed.ends.append(end)
        id = value.get("id") if isinstance(value, dict) else None
        listed.ids.append(id if isinstance(id, str) else None)
    return listed


def _refuse(constant: str) -> NoReturn:
    raise Constant(constant)


class _Text:
    """The text of a file from one place on; what is behind is forgotten."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._parser = json.JSONDecoder(parse_constant=_refuse)
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._held, self._at, self._ended = "", 0, False
        # Of the beginning of what is held: bytes before it, lines before it, and where its line
        # begins, in characters and relative to it.
        self._bytes, self._lines, self._line = 0, 0, 0
        # Bytes that were read of the file.
        self._read = 0

    def peek(self) -> str:
        """The next character that is not white space; empty at the end."""
        while True:
            found = _SPACE.match(self._held, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._held) or not self._more():
                return self._held[self._at : self._at + 1]

    def value(self) -> tuple[Any, tuple[int, int]]:
        """The value that comes next, and its first byte and the one after its last."""
        self.peek()
        while True:
            try:
                value, end = self._parser.raw_decode(self._held, self._at)
            except json.JSONDecodeError as error:
                # A string that has no end may have one further on.
                cut = error.pos + _WORD > len(self._held) or self._held[error.pos] == '"'
                if not (cut and self._more()):
                    raise self._fault(error.msg, error.pos) from None
                continue
            # A number may go on, too.
            if end + _WORD > len(self._held) and self._more():
                continue
            start = self._bytes + _size(self._held[: self._at])
            size = _size(self._held[self._at : end])
            self._at = end
            return value, (start, start + size)

    def members(self) -> Iterator[str]:
        """The names of an object, whose values the caller takes in between."""
        self._at += 1
        if self._take("}"):
            return
        while True:
            if self.peek() != '"':
                raise self._fault("Expecting property name enclosed in double quotes", self._at)
            name, _ = self.value()
            if not self._take(":"):
                raise self._fault("Expecting ':' delimiter", self._at)
            yield name
            if self._take("}"):
                return
            self._comma()

    def items(self) -> Iterator[tuple[Any, tuple[int, int]]]:
        """The values of a list."""
        self._at += 1
        if self._take("]"):
            return
        while True:
            yield self.value()
            if self._take("]"):
                return
            self._comma()

    def end(self) -> None:
        """Nothing may come after what was read."""
        if self.peek():
            raise self._fault("Extra data", self._at)

    def _take(self, character: str) -> bool:
        there = self.peek() == character
        self._at += there
        return there

    def _comma(self) -> None:
        if not self._take(","):
            raise self._fault("Expecting ',' delimiter", self._at)

    def _more(self) -> bool:
        """Forget what is behind and read on, more the more is held; whether there was more."""
        if self._ended:
            return False
        behind = self._held[: self._at]
        lines = behind.count("\n")
        self._line = (behind.rfind("\n") + 1 if lines else self._line) - self._at
        self._lines += lines
        self._bytes += _size(behind)
        self._held, self._at = self._held[self._at :], 0
        data = self._file.read(max(_CHUNK, len(self._held)))
        self._ended = not data
        try:
            self._held += self._decoder.decode(data, final=self._ended)
        except UnicodeDecodeError as error:
            # Bytes of the chunk before may have waited for this one.
            begins = self._read + len(data) - len(error.object)
            raise NotUtf8(error.object[error.start], begins + error.start) from error
        self._read += len(data)
        return True

    def _fault(self, message: str, place: int) -> JsonFault:
        before = self._held[:place]
        lines = before.count("\n")
        begins = before.rfind("\n") + 1 if lines else self._line
        rest = self._held[place:].strip(" \t\n\r")
        return JsonFault(
            message,
            self._lines + lines + 1,
            place - begins + 1,
            at_end=self._ended and not rest,
        )


def _size(text: str) -> int:
    """Bytes of ``text``."""
    return len(text) if text.isascii() else len(text.encode())

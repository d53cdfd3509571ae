"""A file as JSON: one value, or the values on its lines, however broken some of them are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

# Numbered from 1: lines of a file, or members of a list.
Records = tuple[tuple[int, Any], ...]
# Records by which a format is told, broken lines before the first whole one, and lines.
_MAX_TOLD, _MAX_NOISE, _MAX_LINES = 2_000, 1_000, 500_000


@dataclass(frozen=True)
class Parsed:
    """What a file holds; ``problem`` says why it is no JSON, where it is none."""

    value: Any = None
    records: Records = ()
    # Whether each record stands on a line of its own.
    lines: bool = False
    # Lines that are not JSON, counted by what they are.
    skipped: Mapping[str, int] = field(default_factory=dict)
    problem: str = ""

    @cached_property
    def begun(self) -> Parsed:
        """Its beginning, by which it is told what it is."""
        if len(self.records) <= _MAX_TOLD:
            return self
        value = self.value[:_MAX_TOLD] if isinstance(self.value, list) else self.value
        return replace(self, value=value, records=self.records[:_MAX_TOLD])

    @property
    def members(self) -> Mapping[str, Any]:
        """The value's keys, where it is one object."""
        return mapping(self.value)


# Every format looks at the same bytes in turn.
@lru_cache(maxsize=1)
def parse(raw: bytes) -> Parsed:
    """Read ``raw`` as JSON or as JSON Lines; never raises."""
    try:
        words = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return Parsed(problem=f"not UTF-8: byte 0x{raw[error.start]:02x} at offset {error.start}")
    try:
        value = json.loads(words)
    except ValueError as error:
        if "\n" not in words.strip():
            return Parsed(problem=f"not JSON ({error})")
        return _parse_lines(words)
    except RecursionError:
        return Parsed(problem="nested too deeply")
    if isinstance(value, list):
        return Parsed(value, tuple(enumerate(value, start=1)))
    return Parsed(value, ((1, value),))


def _parse_lines(words: str) -> Parsed:
    count = words.count("\n")
    if count > _MAX_LINES:
        return Parsed(problem=f"has {count:,} lines; a transcript may have {_MAX_LINES:,}")
    records: list[tuple[int, Any]] = []
    broken: list[tuple[int, str]] = []
    lines = [(n, line) for n, line in enumerate(words.split("\n"), start=1) if line.strip()]
    for number, line in lines:
        try:
            records.append((number, json.loads(line)))
        except ValueError as error:
            broken.append((number, f"not JSON ({error})"))
        except RecursionError:
            broken.append((number, "nested too deeply"))
        if len(broken) > _MAX_NOISE and not records:
            break
    if not any(isinstance(record, dict) for _, record in records):
        number, why = broken[0] if broken else (1, "no line is a JSON object")
        return Parsed(problem=f"line {number}: {why}")
    # A session that was killed ends in half a line.
    cut = bool(broken) and broken[-1][0] == lines[-1][0]
    noise = len(broken) - cut
    skipped = {"cut-off last line": 1} if cut else {}
    if noise:
        skipped["line that is not JSON"] = noise
    return Parsed(None, tuple(records), True, skipped)


def loads(words: str) -> Any:
    """``words`` as JSON; ``None`` where they are none."""
    try:
        return json.loads(words)
    except (ValueError, RecursionError):
        return None


def clean(value: object) -> str:
    """A string without lone surrogates, which JSON allows and nothing can write; else empty."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""


# The same, where it is about a name rather than about somebody's words.
text = clean


def mapping(value: object) -> Mapping[str, Any]:
    """``value`` where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: object) -> list[Any]:
    """``value`` where it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def first(given: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """What stands under the first of ``names`` that says something."""
    return next((given[name] for name in names if given.get(name) is not None), None)

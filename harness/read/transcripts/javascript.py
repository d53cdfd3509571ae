"""Calls of tools in a short JavaScript program, as some agents write instead of calls.

Literals alone are understood: strings, templates without expressions, objects and lists of them,
and names that stand for such. What a branch or a loop decides is not known.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_MAX = 400_000
_CALL = re.compile(r"\btools\s*(?:\.\s*(\w+)|\[\s*['\"](\w+)['\"]\s*\])\s*\(")
_CONST = re.compile(r"\b(?:const|let|var)\s+(\w+)\s*=\s*")
_DECIDES = re.compile(r"\b(?:if|for|while|switch|catch|function|return|throw)\b|=>|\?|&&|\|\|")
_LITERAL = re.compile(
    r"String\.raw`[^`]*(?:`|\Z)|\"(?:[^\"\\\n]|\\.)*(?:\"|\n|\Z)|'(?:[^'\\\n]|\\.)*(?:'|\n|\Z)"
    r"|`(?:[^`\\]|\\.)*(?:`|\\?\Z)|//[^\n]*|/\*.*?(?:\*/|\Z)",
    re.S,
)
_BLANK = re.compile(r"(?:\s|//[^\n]*|/\*.*?(?:\*/|\Z))*", re.S)
_NAME = re.compile(r"[A-Za-z_$][\w$]*")
_WORD = re.compile(r"-?\d+(?:\.\d+)?|true|false|null|undefined")
_ESCAPE = re.compile(r"\\(u\{[0-9a-fA-F]{1,6}\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|\r?\n|.)", re.S)
_SHORT = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}


@dataclass(frozen=True)
class ToolCall:
    """One call; its argument is an object, a text, or ``None`` where it is not a literal."""

    name: str
    argument: Mapping[str, Any] | str | None


class _Unclear(Exception):
    pass


def calls(program: str) -> Iterator[ToolCall]:
    """The calls of ``tools.NAME(…)``, in order; what may not have run has no argument."""
    program = program[:_MAX]
    # Blanks instead of what literals hold, so that words in them are no code.
    bare = _LITERAL.sub(lambda found: " " * len(found[0]), program)
    decides = _DECIDES.search(bare)
    known: dict[str, Any] = {}
    found_all = [*_CONST.finditer(program), *_CALL.finditer(program)]
    places = [(m.start(), m) for m in found_all if not bare[m.start()].isspace()]
    for place, found in sorted(places, key=lambda pair: pair[0]):
        try:
            value, _ = _value(program, found.end(), known, 0)
        except (_Unclear, ValueError, IndexError, RecursionError):
            value = None
        if found.re is _CONST:
            known[found[1]] = value
            continue
        sure = decides is None or decides.start() > place
        argument = value if sure and isinstance(value, dict | str) else None
        yield ToolCall(found[1] or found[2], argument)


def _value(text: str, at: int, known: Mapping[str, Any], depth: int) -> tuple[Any, int]:
    if depth > 20:
        raise _Unclear
    value, at = _one(text, at, known, depth)
    while True:
        next_at = _blank(text, at)
        if text.startswith("+", next_at):
            more, at = _one(text, next_at + 1, known, depth)
            if not (isinstance(value, str) and isinstance(more, str)):
                raise _Unclear
            value += more
        elif text.startswith(".join(", next_at) and isinstance(value, list):
            by, at = _one(text, next_at + len(".join("), known, depth)
            at = _expect(text, at, ")")
            value = str(by).join(map(str, value))
        elif _ends(text, at, next_at):
            return value, at
        else:
            raise _Unclear


def _ends(text: str, at: int, next_at: int) -> bool:
    """Whether a value that ends at ``at`` is whole; ``next_at`` is what follows after blanks."""
    sign = text[next_at : next_at + 1]
    return sign in ",;)}]:" or ("\n" in text[at:next_at] and sign not in ".[(*/-%<>=&|?")


def _one(text: str, at: int, known: Mapping[str, Any], depth: int) -> tuple[Any, int]:
    at = _blank(text, at)
    literal = _LITERAL.match(text, at)
    if literal and not literal[0].startswith("/"):
        return _string(literal[0]), literal.end()
    if text.startswith("{", at):
        return _object(text, at + 1, known, depth + 1)
    if text.startswith("[", at):
        items: list[Any] = []
        at = _blank(text, at + 1)
        while not text.startswith("]", at):
            item, at = _value(text, at, known, depth + 1)
            items.append(item)
            at = _blank(text, at)
            at = _blank(text, at + 1) if text.startswith(",", at) else at
            if at >= len(text):
                raise _Unclear
        return items, at + 1
    if word := _WORD.match(text, at):
        return json.loads("null" if word[0] == "undefined" else word[0]), word.end()
    name = _NAME.match(text, at)
    if name and name[0] in known and known[name[0]] is not None:
        return known[name[0]], name.end()
    raise _Unclear


def _object(text: str, at: int, known: Mapping[str, Any], depth: int) -> tuple[Any, int]:
    found: dict[str, Any] = {}
    at = _blank(text, at)
    while not text.startswith("}", at):
        literal, name = _LITERAL.match(text, at), _NAME.match(text, at)
        if literal:
            key, at = _string(literal[0]), literal.end()
        elif name:
            key, at = name[0], name.end()
        else:
            raise _Unclear
        at = _blank(text, at)
        if text.startswith(":", at):
            found[key], at = _value(text, at + 1, known, depth)
        elif name and known.get(key) is not None:
            found[key] = known[key]
        else:
            raise _Unclear
        at = _blank(text, at)
        at = _blank(text, at + 1) if text.startswith(",", at) else at
    return found, at + 1


def _string(literal: str) -> str:
    raw = literal.startswith("String.raw")
    body = literal[len("String.raw`") : -1] if raw else literal[1:-1]
    sign = "`" if raw else literal[0]
    if len(literal) < 2 or literal[-1] != sign:
        raise _Unclear
    if sign == "`" and re.search(r"(?<!\\)\$\{", body):
        raise _Unclear
    if raw:
        return body
    # Two escapes may be the halves of one character.
    words = _ESCAPE.sub(_unescaped, body).encode("utf-16", "surrogatepass")
    return words.decode("utf-16", "replace")


def _unescaped(found: re.Match[str]) -> str:
    sign = found[1]
    if sign[0] in "ux" and len(sign) > 1:
        number = int(sign.strip("ux{}"), 16)
        return chr(number) if number < 0x110000 else "\ufffd"
    return "" if sign[-1] == "\n" else _SHORT.get(sign, sign)


def _blank(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _expect(text: str, at: int, sign: str) -> int:
    at = _blank(text, at)
    if not text.startswith(sign, at):
        raise _Unclear
    return at + len(sign)

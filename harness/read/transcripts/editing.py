"""Changes of a file's text: edits of a tool, ``sed`` with plain patterns, unified diffs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.code.lines import LineIndex
from harness.model import Edit

# Stars in a pattern, and characters of a line it is held against: patterns are not ours.
_MAX_STARS, _MAX_LINE = 1, 2_000
_ADDRESS = r"(?:(?P<first>\d+)(?:,(?P<last>\d+|\$))?|(?P<end>\$)|/(?P<where>(?:[^/\\]|\\.)+)/)?"
_SUBSTITUTE = re.compile(rf"{_ADDRESS}\s*s(?P<sign>[^\w\s\\])(?P<rest>.*)", re.S)
_DELETE = re.compile(rf"{_ADDRESS}\s*d\s*")
_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@.*")


def edited(content: str, edit: Edit) -> str | None:
    """``content`` after an edit; ``None`` where its old text is not there."""
    if edit.after_line is not None:
        at = LineIndex(content).start(max(0, edit.after_line) + 1)
        before = content[:at] + "\n" * (at > 0 and content[at - 1] not in "\r\n")
        return before + edit.new + "\n" * (not edit.new.endswith("\n")) + content[at:]
    if not edit.old:
        # An edit of an empty file writes it.
        return edit.new if not content else None
    if edit.old not in content:
        return None
    return content.replace(edit.old, edit.new, -1 if edit.everywhere else 1)


def substituted(content: str, expressions: Sequence[str], extended: bool) -> str | None:
    """What ``sed`` makes of ``content``; ``None`` for expressions that are not followed."""
    for expression in expressions:
        for command in expression.split("\n"):
            changed = _sed(content, command.strip(), extended) if command.strip() else content
            if changed is None:
                return None
            content = changed
    return content


def _sed(content: str, command: str, extended: bool) -> str | None:
    lines = content.split("\n")
    # The empty text behind the last line's end is no line.
    count = len(lines) - (not lines[-1])
    if deletes := _DELETE.fullmatch(command):
        chosen = _chosen(deletes, lines[:count], extended)
        if chosen is None or not any(deletes.group("first", "end", "where")):
            return None
        return "\n".join(line for n, line in enumerate(lines) if n not in chosen)
    found = _SUBSTITUTE.fullmatch(command)
    chosen = _chosen(found, lines[:count], extended) if found else None
    if found is None or chosen is None:
        return None
    sign = re.escape(found["sign"])
    parts = re.fullmatch(
        rf"((?:[^{sign}\\]|\\.)*){sign}((?:[^{sign}\\]|\\.)*){sign}([gI]*);?", found["rest"], re.S
    )
    if parts is None:
        return None
    pattern = _pattern(parts[1].replace("\\" + found["sign"], found["sign"]), extended)
    new = _replacement(parts[2].replace("\\" + found["sign"], found["sign"]))
    if pattern is None or new is None:
        return None
    compiled = re.compile(pattern, re.I if "I" in parts[3] else 0)
    for number in sorted(chosen):
        if len(lines[number]) > _MAX_LINE:
            return None
        times = 0 if "g" in parts[3] else 1
        lines[number] = compiled.sub(lambda match: match.expand(new), lines[number], count=times)
    return "\n".join(lines)


def _chosen(found: re.Match[str], lines: Sequence[str], extended: bool) -> set[int] | None:
    """Numbers from 0 of the lines that an address means."""
    if found["where"] is not None:
        pattern = _pattern(found["where"].replace("\\/", "/"), extended)
        if pattern is None or any(len(line) > _MAX_LINE for line in lines):
            return None
        return {n for n, line in enumerate(lines) if re.search(pattern, line)}
    if found["end"]:
        return {len(lines) - 1}
    if found["first"] is None:
        return set(range(len(lines)))
    first = int(found["first"][:9])
    last = found["last"] or found["first"]
    end = len(lines) if last == "$" else max(first, int(last[:9]))
    return set(range(first - 1, min(end, len(lines)))) if first else None


def _pattern(text: str, extended: bool) -> str | None:
    """A pattern of ``sed`` as one of Python; ``None`` for what is not plain."""
    parts, place, stars = list[str](), 0, 0
    while place < len(text):
        character = text[place]
        place += 1
        if character == "\\":
            following = text[place : place + 1]
            place += 1
            if following in ("n", "t"):
                parts.append("\\" + following)
            elif following.isalnum() or not following or (not extended and following in "(){}+?|"):
                return None
            else:
                parts.append(re.escape(following))
        elif character == "*" and parts:
            stars += 1
            parts.append("*")
        elif character == "[":
            end = text.find("]", place + 1 + text.startswith("^", place))
            body = text[place:end]
            if end < 0 or "[" in body or "\\" in body:
                return None
            parts.append(f"[{body}]")
            place = end + 1
        elif extended and character in "+?(){}|":
            return None
        elif character == "^":
            parts.append("^" if place == 1 else r"\^")
        elif character == "$":
            parts.append("$" if place == len(text) else r"\$")
        else:
            parts.append("." if character == "." else re.escape(character))
    pattern = "".join(parts)
    try:
        re.compile(pattern)
    except re.error:
        return None
    return pattern if stars <= _MAX_STARS and parts else None


def _replacement(text: str) -> str | None:
    """What is put in, as Python writes it; ``None`` for groups and the like."""
    parts, place = list[str](), 0
    while place < len(text):
        character = text[place]
        place += 1
        if character == "\\":
            following = text[place : place + 1]
            place += 1
            if following in ("n", "t"):
                parts.append({"n": "\n", "t": "\t"}[following])
            elif following.isalnum() or not following:
                return None
            else:
                parts.append("\\\\" if following == "\\" else following)
        else:
            parts.append(r"\g<0>" if character == "&" else character)
    return "".join(parts)


@dataclass(frozen=True)
class Patch:
    """What a diff does to one file."""

    # ``None`` for a file that it creates, or takes away.
    old: str | None
    new: str | None
    edits: tuple[Edit, ...]


def patches(diff: str) -> Iterator[Patch]:
    """The files of a unified diff, each hunk as an edit."""
    lines = diff.split("\n")
    place = 0
    while place < len(lines) - 1:
        if not (lines[place].startswith("--- ") and lines[place + 1].startswith("+++ ")):
            place += 1
            continue
        old, new = _path(lines[place]), _path(lines[place + 1])
        place += 2
        edits = []
        while place < len(lines) and _HUNK.fullmatch(lines[place]):
            place += 1
            before, after = list[str](), list[str]()
            while place < len(lines) and lines[place][:1] in (" ", "+", "-", "\\", ""):
                line = lines[place]
                if line.startswith(("--- ", "+++ ")) or (not line and place == len(lines) - 1):
                    break
                if line[:1] in (" ", "-", ""):
                    before.append(line[1:] + "\n")
                if line[:1] in (" ", "+", ""):
                    after.append(line[1:] + "\n")
                place += 1
            edits.append(Edit("".join(before), "".join(after)))
        yield Patch(old, new, tuple(edits))


def _path(line: str) -> str | None:
    path = line[4:].split("\t")[0].strip()
    return None if path == "/dev/null" else re.sub(r"^[ab]/", "", path)

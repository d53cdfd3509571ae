"""Changes of files as texts: ``apply_patch``, unified diffs, SEARCH/REPLACE, numbered listings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.model import Edit, Step, StepKind

PATCH = re.compile(r"\*\*\* Begin Patch[^\n]*\n.*?(?:^\*\*\* End Patch[^\n]*$|\Z)", re.S | re.M)
_FILE = re.compile(r"\*\*\* (Add|Update|Delete) File: (.+?)\s*$")
_MOVE = re.compile(r"\*\*\* Move to: (.+?)\s*$")
_SEARCH = re.compile(r"[-<]{3,}[ \t]*SEARCH\b")
_BETWEEN = re.compile(r"={3,}[ \t]*")
_REPLACE = re.compile(r"[+>]{3,}[ \t]*REPLACE\b")
_HEADING = re.compile(r":\w+:.*|-{3,}[ \t]*")
# Beyond the last line of any file.
END = 10**9
_NUMBERED = re.compile(r"[ \t]*(\d+)(?:→|\t| ?\| ?|: |\. )?(.*)")
_WRAPPING = re.compile(
    r"\s*(?:</?(?:file|content|path|type|output)\b[^>]*>.*|\(?End of file\b.*|"
    r"Here's the (?:result|content)\b.*|```\w*)\s*"
)
_REMINDER = re.compile(r"<system-reminder>.*?(?:</system-reminder>|\Z)", re.S)


def patched(patch: str, record: int) -> Iterator[Step]:
    """The steps of a patch between ``*** Begin Patch`` and ``*** End Patch``."""
    kind, path, moved, body = "", "", None, list[str]()

    def flush() -> Iterator[Step]:
        if kind == "Add":
            content = "".join(line[1:] + "\n" for line in body if line.startswith("+"))
            yield Step(StepKind.WROTE, record, content, path)
        elif kind == "Delete":
            yield Step(StepKind.REMOVED, record, path=path)
        elif kind == "Update":
            edits = tuple(hunks(body))
            if edits or moved:
                yield Step(StepKind.EDITED, record, path=path, edits=edits, moved_to=moved)

    for line in patch.split("\n"):
        line = line.removesuffix("\r")
        head = _FILE.match(line)
        if head or line.startswith("*** End Patch"):
            yield from flush()
            kind, path, moved, body = (head[1], head[2], None, []) if head else ("", "", None, [])
        elif move := _MOVE.match(line):
            moved = move[1]
        elif kind:
            body.append(line)
    yield from flush()


def hunks(lines: list[str]) -> Iterator[Edit]:
    """The replacements of a diff whose lines begin with a blank, ``-`` or ``+``."""
    old: list[str] = []
    new: list[str] = []
    changed = False

    def flush() -> Iterator[Edit]:
        if changed and old:
            yield Edit("".join(old), "".join(new))
        elif changed:
            yield Edit("", "".join(new), after_line=END)

    for line in lines:
        if line.startswith(("@@", "*** End of File", "--- ", "+++ ", "diff ", "index ")):
            yield from flush()
            old, new, changed = [], [], False
        elif line.startswith("-"):
            old.append(line[1:] + "\n")
            changed = True
        elif line.startswith("+"):
            new.append(line[1:] + "\n")
            changed = True
        elif line.startswith(" ") or (not line and (old or new)):
            # Editors take the blank of an empty line away.
            old.append(line[1:] + "\n")
            new.append(line[1:] + "\n")
    if changed:
        while old and new and old[-1] == new[-1] == "\n" and not lines[-1]:
            # What follows the last line end is no line.
            old.pop()
            new.pop()
            break
    yield from flush()


def replacements(text: str) -> tuple[Edit, ...]:
    """The SEARCH/REPLACE blocks of ``text``."""
    found: list[Edit] = []
    old: list[str] = []
    new: list[str] | None = None
    inside = False
    for line in text.split("\n"):
        line = line.removesuffix("\r")
        if _SEARCH.match(line):
            inside, old, new = True, [], None
        elif inside and new is None and _BETWEEN.fullmatch(line):
            new = []
        elif inside and new is not None and _REPLACE.match(line):
            found.append(Edit("".join(old), "".join(new)))
            inside = False
        elif inside and new is None and not old and _HEADING.fullmatch(line):
            # Which line it begins on, as some tools add.
            continue
        elif inside:
            (old if new is None else new).append(line + "\n")
    return tuple(found)


def whole_file(shown: str) -> str | None:
    """A file as a tool shows it, without line numbers; ``None`` where only a part is shown."""
    lines = _REMINDER.sub("", shown).rstrip().split("\n")
    while lines and (_WRAPPING.fullmatch(lines[0]) or not lines[0].strip()):
        lines.pop(0)
    while lines and (_WRAPPING.fullmatch(lines[-1]) or not lines[-1].strip()):
        lines.pop()
    numbered = [_NUMBERED.fullmatch(line) for line in lines]
    numbers = [int(match[1][:9]) for match in numbered if match]
    if len(numbers) == len(lines) and numbers and numbers == list(range(1, len(lines) + 1)):
        return "\n".join(match[2] for match in numbered if match) + "\n"
    if len(numbers) > len(lines) / 2:
        return None
    return "\n".join(lines) + "\n" if lines else ""

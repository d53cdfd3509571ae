"""One thing that is wrong with a YAML file, and how a list of them is printed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError, ScenarioError
from harness.printable import printable

# Where a value sits in a document: keys and list positions from the root.
KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One mistake, told so that its author can mend it without reading our code."""

    path: Path
    # Line of the file, from 1; ``None`` where the file as a whole is meant.
    line: int | None
    # Place in the document; empty for its root.
    key: KeyPath
    # What stands there, with its type.
    found: str
    # What may stand there.
    expected: str
    # What to do about it, as an imperative sentence.
    remedy: str
    # The valid name that was probably meant.
    nearest: str | None = None

    def __str__(self) -> str:
        place = str(self.path) if self.line is None else f"{self.path}:{self.line}"
        key = f"{dotted(self.key)}: " if self.key else ""
        hint = f" Did you mean {self.nearest!r}?" if self.nearest else ""
        told = f"found {self.found}, expected {self.expected}.{hint} {self.remedy}"
        return printable(f"{place}: {key}{told}")


def dotted(key: KeyPath) -> str:
    """``("checks", 3, "kind")`` as ``checks[3].kind``."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def listed(names: Iterable[str]) -> str:
    """Names as ``a, b or c``; ``nothing`` for none."""
    every = list(names)
    if not every:
        return "nothing"
    return " or ".join(filter(None, [", ".join(every[:-1]), every[-1]]))


def described(value: object) -> str:
    """A value and its type, cut to a length that fits an error message."""
    if value is None:
        return "nothing (null)"
    kind = {
        bool: "a boolean",
        int: "an integer",
        float: "a number",
        str: "a string",
        list: "a list",
        dict: "a mapping",
    }.get(type(value), type(value).__name__)
    shown = repr(value)
    if len(shown) > 60:
        shown = shown[:59] + "…"
    return f"{shown} ({kind})"


def refuse(problems: Sequence[Problem], error: type[HarnessError] = ScenarioError) -> None:
    """Raise one error for all of them; no problems, no error."""
    if not problems:
        return
    if len(problems) == 1:
        raise error(str(problems[0]))
    ordered = sorted(problems, key=lambda p: (str(p.path), p.line or 0))
    files = len({p.path for p in problems})
    heading = f"{len(problems)} problems in {files} file{'s' if files > 1 else ''}:"
    raise error("\n".join([heading, *(f"  {p}" for p in ordered)]))

"""What the user tells about files that do not say it themselves: their format, their fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.errors import SubmissionError, UsageError, did_you_mean
from harness.printable import printable
from harness.read.transcripts.formats import named

FIELDS = (
    *("task_id", "solution", "completion", "raw_solution", "transcript"),
    *("sample_id", "model", "arm"),
)
# Of these a record has one.
_ANSWERS = {"solution", "completion", "transcript"}
_EXAMPLE = "such as task_id=doc.task_id,completion=resps.0.0 or Name/0=learnable-swish"


@dataclass(frozen=True)
class Told:
    """What the user tells; empty where it is left to the files."""

    # Name of a format of transcripts.
    format: str | None = None
    # Field of our records -> where it stands in a record, with dots between the keys.
    fields: Mapping[str, str] = field(default_factory=dict)
    # Name in a file -> id of the scenario that it means.
    names: Mapping[str, str] = field(default_factory=dict)

    def scenario(self, name: str) -> str:
        """The scenario that ``name`` means."""
        return self.names.get(name, name)

    def applied(self, record: Mapping[str, Any], where: str) -> Mapping[str, Any]:
        """``record`` with our names for its fields.

        Raises ``SubmissionError`` where one is not there.
        """
        found = dict(record)
        if self.fields:
            if _ANSWERS & set(self.fields):
                # One of another program's own would be a second answer.
                found = {k: v for k, v in found.items() if k not in FIELDS or k == "task_id"}
            for name, path in self.fields.items():
                found[name] = _at(record, path, f"{where}: {name}={path}")
            if isinstance(found.get("task_id"), int):
                found["task_id"] = str(found["task_id"])
        if isinstance(found.get("task_id"), str):
            found["task_id"] = self.scenario(found["task_id"])
        return found


def told(format: str | None, maps: Sequence[str]) -> Told:
    """What ``--format`` and ``--map`` say.

    Raises ``UsageError`` for a map that says nothing, ``SubmissionError`` for an unknown format.
    """
    if format is not None:
        named(format)
    fields: dict[str, str] = {}
    names: dict[str, str] = {}
    for given in maps:
        for pair in given.split(","):
            left, _, right = (part.strip() for part in pair.partition("="))
            if not left or not right:
                raise UsageError(f"--map {given}: found {pair!r}, expected NAME=VALUE, {_EXAMPLE}")
            (fields if left in FIELDS else names)[left] = right
            if left not in FIELDS and "." in right:
                raise UsageError(
                    f"--map {given}: {left!r} is no field of a record."
                    f"{did_you_mean(left, FIELDS)} The fields: {', '.join(FIELDS)}"
                )
    return Told(format, fields, names)


def _at(record: Mapping[str, Any], path: str, where: str) -> Any:
    value: Any = record
    seen: list[str] = []
    # A key may hold a dot itself.
    for key in [path] if path in record else path.split("."):
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and int(key[:9]) < len(value):
            value = value[int(key[:9])]
        else:
            keys = ", ".join(map(str, value))[:120] if isinstance(value, dict) else ""
            there = f"its keys: {keys}" if keys else f"found a {type(value).__name__}"
            at = ".".join(seen) or "the record"
            raise SubmissionError(
                f"{printable(where)}: {printable(at)} has no {key!r} ({printable(there)})"
            )
        seen.append(key)
    while isinstance(value, list) and len(value) == 1 and isinstance(value[0], str | list):
        value = value[0]
    return value

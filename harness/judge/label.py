"""What people say of the same lines: JSON Lines, one label each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from harness.code.lines import split_lines
from harness.errors import JudgeError, did_you_mean
from harness.model import Results

_FORM: Final = '{"submission": "<id>", "expected": "<line>" or its number, "met": true or false}'


def read_labels(path: Path, results: Results) -> Mapping[tuple[str, str], bool]:
    """Labels by submission and expected line.

    Raises ``JudgeError`` that names file and line, what was found and what was expected.
    """
    try:
        lines = split_lines(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise JudgeError(f"{path}: cannot be read: {why}. Give JSON Lines of {_FORM}") from None
    scenarios = {scenario.id: scenario for scenario in results.scenarios}
    known = {r.id: scenarios[r.scenario].expected_behaviour for r in results.records}
    labels: dict[tuple[str, str], bool] = {}
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        where = f"{path}:{number}"
        entry = _entry(text, where)
        name, expected = entry["submission"], entry["expected"]
        if name not in known:
            raise JudgeError(
                f"{where}: submission: found {name!r}, expected the id of a submission of the "
                f"results.{did_you_mean(name, known)}"
            )
        unit = name, _line(expected, known[name], where)
        if unit in labels:
            raise JudgeError(f"{where}: a second label for {name}, {unit[1]!r}. Keep one of them.")
        labels[unit] = entry["met"]
    return labels


def _entry(text: str, where: str) -> dict[str, Any]:
    try:
        entry = json.loads(text)
    except ValueError as error:
        raise JudgeError(f"{where}: not JSON ({error}); expected {_FORM}") from None
    fits = (
        isinstance(entry, dict)
        and entry.keys() == {"submission", "expected", "met"}
        and isinstance(entry["submission"], str)
        and type(entry["expected"]) in (int, str)
        and type(entry["met"]) is bool
    )
    if not fits:
        raise JudgeError(f"{where}: found {text.strip()[:80]}, expected {_FORM}")
    found: dict[str, Any] = entry
    return found


def _line(expected: int | str, lines: tuple[str, ...], where: str) -> str:
    if isinstance(expected, int):
        if 1 <= expected <= len(lines):
            return lines[expected - 1]
        raise JudgeError(f"{where}: expected: found {expected}, expected 1 to {len(lines)}")
    if expected not in lines:
        raise JudgeError(
            f"{where}: expected: found {expected!r}, expected a line of the scenario's "
            f"expected_behaviour or its number.{did_you_mean(expected, lines)}"
        )
    return expected

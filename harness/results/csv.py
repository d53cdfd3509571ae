"""``results.csv`` out, row by row, and the same table as a data frame."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final

from harness.model import Outcome, Results, TrapState
from harness.printable import stripped
from harness.results.files import replace_file

if TYPE_CHECKING:
    import pandas as pd

# What a spreadsheet takes for the beginning of a formula, or skips on the way to one.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\n", "＝", "＋", "－", "＠")


def write_csv(results: Results, path: str | os.PathLike[str]) -> None:
    """Write one row per submission; a cell that a spreadsheet would run gets a quote in front."""
    replace_file(path, _lines(results))


def frame(results: Results) -> pd.DataFrame:
    """One row per submission, with the columns of ``results.csv``, for a notebook."""
    import pandas as pd

    return pd.DataFrame(_rows(results), columns=list(CSV_COLUMNS))


def _lines(results: Results) -> Iterator[str]:
    written: list[str] = []
    # Anything that has ``write`` is a file to the csv module; here it is the next line.
    writer = csv.writer(SimpleNamespace(write=written.append), lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for row in _rows(results):
        writer.writerow(map(_cell, row.values()))
        yield from written
        written.clear()
    yield from written


def _rows(results: Results) -> Iterator[dict[str, object]]:
    asked = {scenario.id: scenario.verification for scenario in results.scenarios}
    for record in results.records:
        given = record.answers(asked[record.scenario])
        by_state = {
            state: [found.trap for found in record.traps if found.state is state]
            for state in TrapState
        }
        failed = {f.check: None for f in record.findings if f.outcome is Outcome.FAILED}
        flags = {found.flag: None for found in record.red_flags}
        yield {
            "id": record.id,
            "scenario": record.scenario,
            "arm": record.arm,
            "submitter": record.submitter,
            "sample": record.sample,
            "path": record.path,
            "sha256": record.sha256,
            "outcome": record.outcome.value,
            "reason": record.reason,
            "verification": record.verification.value,
            "verification_reason": record.verification_reason,
            "faults_tried": record.faults_tried,
            "faults_noticed": record.faults_noticed,
            "right": given.right,
            "verified": given.verified,
            "resistance": given.resistance and given.resistance.value,
            "held": given.held,
            "broke": " ".join(given.broke),
            "wall_s": record.wall_s,
            "failed_checks": " ".join(failed),
            "excuses_upheld": " ".join(t.trap for t in record.traps if t.upheld),
            "excuses_made": " ".join(by_state[TrapState.MADE]),
            "excuses_answered": " ".join(by_state[TrapState.ANSWERED]),
            "red_flags": " ".join(flags),
        }


CSV_COLUMNS: Final = (
    "id", "scenario", "arm", "submitter", "sample", "path", "sha256", "outcome", "reason",
    "verification", "verification_reason", "faults_tried", "faults_noticed", "right", "verified",
    "resistance", "held", "broke", "wall_s", "failed_checks", "excuses_upheld", "excuses_made",
    "excuses_answered", "red_flags",
)  # fmt: skip


def _cell(value: object) -> object:
    """``value`` as a cell: no control characters, no formula."""
    if not isinstance(value, str):
        return value
    # A bare carriage return is not quoted by the csv module and would end the row.
    text = stripped(value).replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else text

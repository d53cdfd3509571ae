"""``results.csv`` out, row by row."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Final

from harness.model import Results
from harness.printable import stripped
from harness.results.files import replace_file
from harness.rows import COLUMNS, rows

# What a spreadsheet takes for the beginning of a formula, or skips on the way to one.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\n", "＝", "＋", "－", "＠")


def write_csv(results: Results, path: str | os.PathLike[str]) -> None:
    """Write one row per submission; a cell that a spreadsheet would run gets a quote in front."""
    replace_file(path, _lines(results))


def _lines(results: Results) -> Iterator[str]:
    written: list[str] = []
    # Anything that has ``write`` is a file to the csv module; here it is the next line.
    writer = csv.writer(SimpleNamespace(write=written.append), lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows(results):
        writer.writerow(map(_cell, row.values()))
        yield from written
        written.clear()
    yield from written


def _cell(value: object) -> object:
    """``value`` as a cell: no control characters, no formula."""
    if not isinstance(value, str):
        return value
    # A bare carriage return is not quoted by the csv module and would end the row.
    text = stripped(value).replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else text

"""What is right, in plain Python: the plainest way there is, not the fastest."""

from __future__ import annotations

import re

UNITS = {"h": 3600, "m": 60, "s": 1}


def parse_duration(text: str) -> int:
    """Seconds; ``ValueError`` for anything that is not hours, minutes and seconds in order."""
    found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", text, re.ASCII)
    if not text or found is None:
        raise ValueError(f"not a duration: {text!r}")
    pairs = zip(found.groups(), UNITS.values(), strict=True)
    return sum(int(number) * size for number, size in pairs if number)


def merge_intervals(intervals: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Closed intervals, sorted; those that overlap or touch become one."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(intervals):
        if low > high:
            raise ValueError(f"not an interval: {(low, high)}")
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return merged


def read_rows(text: str, delimiter: str = ",", quote: str = '"') -> list[list[str]]:
    """Rows of fields; ``ValueError`` where a quoted field does not end as it should."""
    q, d = re.escape(quote), re.escape(delimiter)
    quoted = re.compile(f"{q}((?:[^{q}]|{q}{q})*){q}(?={d}|\r?\n|\\Z)")
    bare = re.compile(f"(?!{q})((?:[^{d}\n\r]|\r(?!\n))*)")
    rows: list[list[str]] = []
    at = 0
    while at < len(text):
        row: list[str] = []
        while True:
            found = quoted.match(text, at) or bare.match(text, at)
            if found is None:
                raise ValueError(f"row {len(rows) + 1}: a quoted field does not end as it should")
            field = found[1]
            row.append(field.replace(quote * 2, quote) if found.re is quoted else field)
            at = found.end()
            if text[at : at + 1] != delimiter:
                break
            at += 1
        rows.append(row)
        at += 2 if text.startswith("\r\n", at) else 1
    return rows

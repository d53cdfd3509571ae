"""What is right, in plain Python: the plainest way there is, not the fastest."""

from __future__ import annotations

import re
from collections.abc import Callable

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


class RateLimiter:
    """At most ``limit`` calls of a key within any ``period`` seconds."""

    def __init__(self, limit: int, period: float, clock: Callable[[], float]) -> None:
        if limit < 1 or not period > 0:
            raise ValueError(f"not a limit: {limit} calls in {period} s")
        self.limit, self.period, self.clock = limit, period, clock
        self.allowed: list[tuple[str, float]] = []

    def counting(self) -> list[str]:
        """The keys of all calls that still count."""
        now = self.clock()
        return [key for key, time in self.allowed if now - time < self.period]

    def allow(self, key: str) -> bool:
        allowed = self.counting().count(key) < self.limit
        if allowed:
            self.allowed.append((key, self.clock()))
        return allowed

    def __len__(self) -> int:
        return len(set(self.counting()))


class ExpiringCache:
    """Entries with their time, the least recently used one first."""

    def __init__(self, max_size: int, lifetime: float, clock: Callable[[], float]) -> None:
        if max_size < 1 or not lifetime > 0:
            raise ValueError(f"not a cache: {max_size} entries for {lifetime} s")
        self.max_size, self.lifetime, self.clock = max_size, lifetime, clock
        self.entries: list[tuple[str, int, float]] = []

    def take(self, key: str) -> list[tuple[str, int, float]]:
        """Drop what has expired, and take an entry out."""
        now = self.clock()
        self.entries = [one for one in self.entries if now - one[2] < self.lifetime]
        found = [one for one in self.entries if one[0] == key]
        self.entries = [one for one in self.entries if one[0] != key]
        return found

    def put(self, key: str, value: int) -> None:
        self.take(key)
        self.entries = [*self.entries, (key, value, self.clock())][-self.max_size :]

    def get(self, key: str) -> int | None:
        found = self.take(key)
        self.entries += found
        return found[0][1] if found else None

    def __len__(self) -> int:
        self.take("")
        return len(self.entries)


def deliver(
    send: Callable[[str], object], key: str, attempts: int, sleep: Callable[[float], object]
) -> object:
    """What ``send(key)`` returns; ``None`` where a call before has booked the key."""
    if attempts < 1:
        raise ValueError(f"not a number of attempts: {attempts}")
    for turn in range(attempts):
        try:
            return send(key)
        except FileExistsError:
            if turn == 0:
                raise
            return None
        except (ConnectionError, TimeoutError):
            if turn == attempts - 1:
                raise
            sleep(min(2**turn, 8))
    raise AssertionError("not reached")

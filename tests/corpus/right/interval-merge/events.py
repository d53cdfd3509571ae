"""Begins and ends as events on a line; the result holds named tuples."""

from typing import NamedTuple


class Interval(NamedTuple):
    low: int
    high: int


def merge_intervals(intervals):
    if any(high < low for low, high in intervals):
        raise ValueError("low is above high")
    events = sorted([(low, 0) for low, _ in intervals] + [(high, 1) for _, high in intervals])
    merged, open_, begin = [], 0, None
    for point, closes in events:
        if not closes:
            begin = point if not open_ else begin
            open_ += 1
        else:
            open_ -= 1
            if not open_:
                merged.append(Interval(begin, point))
    return merged

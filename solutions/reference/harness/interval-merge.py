"""Closed intervals of whole numbers, merged where they overlap or touch."""

import pytest


def merge_intervals(intervals: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """A new sorted list; ``ValueError`` for an interval whose low is above its high."""
    for low, high in intervals:
        if low > high:
            raise ValueError(f"expected low <= high, found {(low, high)}")
    merged: list[tuple[int, int]] = []
    for low, high in sorted(intervals):
        if merged and low <= merged[-1][1]:
            begin, end = merged[-1]
            merged[-1] = (begin, max(end, high))
        else:
            merged.append((low, high))
    return merged


@pytest.mark.parametrize(
    ("intervals", "merged"),
    [
        ([], []),
        ([(1, 1)], [(1, 1)]),
        ([(1, 1), (1, 1)], [(1, 1)]),
        ([(1, 2), (3, 4)], [(1, 2), (3, 4)]),
        ([(1, 2), (2, 4)], [(1, 4)]),
        ([(5, 6), (1, 2)], [(1, 2), (5, 6)]),
        ([(0, 10), (2, 3)], [(0, 10)]),
        ([(0, 4), (3, 8), (8, 9), (11, 12)], [(0, 9), (11, 12)]),
    ],
)
def test_merging(intervals: list[tuple[int, int]], merged: list[tuple[int, int]]) -> None:
    before = list(intervals)
    assert merge_intervals(intervals) == merged
    assert intervals == before


@pytest.mark.parametrize("intervals", [[(2, 1)], [(0, 9), (5, 4)], [(0, 9), (3, 2), (4, 5)]])
def test_what_is_refused(intervals: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="low <= high"):
        merge_intervals(intervals)

"""Sorted, then one after the other."""


def merge_intervals(intervals):
    merged = []
    for low, high in sorted(intervals):
        if low > high:
            raise ValueError(f"{low} is above {high}")
        if merged and low <= merged[-1][1]:
            begin, end = merged[-1]
            merged[-1] = (begin, max(end, high))
        else:
            merged.append((low, high))
    return merged


def test_merging():
    assert merge_intervals([]) == []
    assert merge_intervals([(5, 6), (1, 2)]) == [(1, 2), (5, 6)]
    assert merge_intervals([(1, 2), (2, 4)]) == [(1, 4)]
    assert merge_intervals([(1, 2), (3, 4)]) == [(1, 2), (3, 4)]
    assert merge_intervals([(0, 10), (2, 3)]) == [(0, 10)]
    assert merge_intervals([(1, 1)]) == [(1, 1)]


def test_refuses():
    try:
        merge_intervals([(2, 1)])
    except ValueError:
        return
    raise AssertionError

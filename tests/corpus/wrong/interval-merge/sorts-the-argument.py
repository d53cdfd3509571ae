# fails: pure merge_intervals
"""Sorts the list of the caller."""


def merge_intervals(intervals):
    intervals.sort()
    merged = []
    for low, high in intervals:
        if low > high:
            raise ValueError
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged

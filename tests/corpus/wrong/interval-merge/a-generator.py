# fails: equals merge_intervals
"""Gives a generator instead of a list."""


def merge_intervals(intervals):
    merged = []
    for low, high in sorted(intervals):
        if low > high:
            raise ValueError
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return (pair for pair in merged)

# fails: raises merge_intervals
"""Refuses with an assertion, which is another exception and gone under -O."""


def merge_intervals(intervals):
    merged = []
    for low, high in sorted(intervals):
        assert low <= high
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged

# fails: equals merge_intervals
"""Also merges neighbours that share nothing, as for days in a calendar."""


def merge_intervals(intervals):
    merged = []
    for low, high in sorted(intervals):
        if low > high:
            raise ValueError
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged

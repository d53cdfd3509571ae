# fails: equals merge_intervals
"""Takes the end of whichever interval came last."""


def merge_intervals(intervals):
    merged = []
    for low, high in sorted(intervals):
        if low > high:
            raise ValueError
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], high)
        else:
            merged.append((low, high))
    return merged

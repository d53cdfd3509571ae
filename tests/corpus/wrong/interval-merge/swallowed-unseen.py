# fails: raises merge_intervals
"""Looks at low and high only where a new interval begins; one that lies in another is swallowed."""


def merge_intervals(intervals):
    merged = []
    for low, high in sorted(intervals):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        elif low > high:
            raise ValueError(f"{low} > {high}")
        else:
            merged.append((low, high))
    return merged

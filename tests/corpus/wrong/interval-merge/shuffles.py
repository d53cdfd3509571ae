# fails: pure merge_intervals
"""The order is sometimes another one."""

import random


def merge_intervals(intervals):
    merged = []
    for low, high in sorted(intervals):
        if low > high:
            raise ValueError
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    if random.random() < 0.5:
        merged.reverse()
    return merged

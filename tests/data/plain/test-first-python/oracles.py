"""What is right, in plain Python."""

import re

UNITS = {"h": 3600, "m": 60, "s": 1}


def parse_duration(text):
    """Seconds; ``ValueError`` for anything that is not hours, minutes and seconds in order."""
    found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", text, re.ASCII)
    if not text or found is None:
        raise ValueError(f"not a duration: {text!r}")
    pairs = zip(found.groups(), UNITS.values(), strict=True)
    return sum(int(number) * size for number, size in pairs if number)


def merge_intervals(intervals):
    """Closed intervals, sorted; those that overlap or touch become one."""
    merged = []
    for low, high in sorted(intervals):
        if low > high:
            raise ValueError(f"not an interval: {(low, high)}")
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return merged

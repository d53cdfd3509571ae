# fails: raises parse_duration
"""Picks out whatever looks right, and never looks at what lies between."""

import re


def parse_duration(text):
    found = re.findall(r"([0-9]+)([hms])", text)
    if not found:
        raise ValueError(text)
    return sum(int(n) * {"h": 3600, "m": 60, "s": 1}[unit] for n, unit in found)

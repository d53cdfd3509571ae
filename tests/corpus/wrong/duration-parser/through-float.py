# fails: equals parse_duration
"""Counts in floats: beyond 2 to the 53rd the seconds are off."""

import re


def parse_duration(text):
    found = re.fullmatch(r"(?=[0-9])(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?", text)
    if not found:
        raise ValueError(text)
    h, m, s = (float(n or 0) for n in found.groups())
    return int(h * 3600 + m * 60 + s)

# fails: pure parse_duration
"""Keeps the last text in a global, for the log."""

import re

LAST = None


def parse_duration(text):
    global LAST
    LAST = text
    found = re.fullmatch(r"(?=[0-9])(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?", text)
    if not found:
        raise ValueError(text)
    h, m, s = (int(n or 0) for n in found.groups())
    return h * 3600 + m * 60 + s

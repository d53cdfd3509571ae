# fails: equals parse_duration
"""Takes a duration of no seconds for no duration."""

import re


def parse_duration(text):
    found = re.fullmatch(r"(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?", text)
    h, m, s = (int(n or 0) for n in found.groups()) if found else (0, 0, 0)
    total = h * 3600 + m * 60 + s
    if not total:
        raise ValueError(text)
    return total

# fails: raises parse_duration
"""To Python, digits of other scripts are digits as well."""

import re


def parse_duration(text):
    found = re.fullmatch(r"(?=\d)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", text)
    if not found:
        raise ValueError(text)
    h, m, s = (int(n or 0) for n in found.groups())
    return h * 3600 + m * 60 + s

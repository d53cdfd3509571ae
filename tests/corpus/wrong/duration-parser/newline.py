# fails: raises parse_duration
"""A dollar sign also matches before a newline at the end."""

import re


def parse_duration(text):
    found = re.match(r"(?=[0-9])(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?$", text)
    if not found:
        raise ValueError(text)
    h, m, s = (int(n or 0) for n in found.groups())
    return h * 3600 + m * 60 + s

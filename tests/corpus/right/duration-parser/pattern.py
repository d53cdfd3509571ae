"""One pattern, with tests that need no framework."""

import re


def parse_duration(text):
    match = re.fullmatch(r"(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?", text)
    if not match or not text:
        raise ValueError(f"not a duration: {text!r}")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def test_units():
    assert parse_duration("1h") == 3600
    assert parse_duration("1m") == 60
    assert parse_duration("1s") == 1


def test_sums():
    assert parse_duration("2h30m5s") == 9005


def test_refuses():
    for bad in ("", "1", "h", "1m1h", " 1h", "1h ", "-1h"):
        try:
            parse_duration(bad)
        except ValueError:
            continue
        raise AssertionError(bad)

"""Durations such as 1h30m, in seconds."""

import re

import pytest

_DURATION = re.compile(r"(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?")


def parse_duration(text: str) -> int:
    """Hours, minutes and seconds in this order, at least one of them; else ``ValueError``."""
    found = _DURATION.fullmatch(text)
    if found is None or not text:
        raise ValueError(f"expected a duration such as 1h30m, found {text!r}")
    hours, minutes, seconds = (int(number or 0) for number in found.groups())
    return hours * 3600 + minutes * 60 + seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1h", 3600),
        ("1m", 60),
        ("1s", 1),
        ("0s", 0),
        ("90m", 5400),
        ("2h5s", 7205),
        ("2h3m", 7380),
        ("3m4s", 184),
        ("1h30m5s", 5405),
        ("007m", 420),
        ("100000000000000000001s", 10**20 + 1),
    ],
)
def test_what_is_a_duration(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "h", "1", "1h30", "5s1h", "1m1m", " 1h", "1h ", "1h\n", "-1h", "+1h", "1.5h", "1H", "١h"],
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        parse_duration(text)

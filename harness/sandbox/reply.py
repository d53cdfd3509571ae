"""Makes what a candidate said fit to keep and to print.

Texts are short and without control characters, values are shallow, numbers are finite.

Everything that leaves a session has been through here, so that no message of a
submission can move a cursor, turn a line of text around, or break a report.
"""

from __future__ import annotations

import math
from typing import Any

from harness.printable import printable

MOST_CHARACTERS = 2000
MOST_LEVELS = 12
LARGEST_INTEGER = 1 << 53


class UnfitError(ValueError):
    """A reply that no honest process sends."""


def tamed(value: Any, levels: int = MOST_LEVELS) -> Any:
    """``value`` with every text in it cut to length and escaped; raises ``UnfitError``.

    ``value`` is what ``json.loads`` makes: no other types, no cycles.
    """
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        if len(value) <= MOST_CHARACTERS and value.isascii() and value.isprintable():
            return value
        return printable(value[:MOST_CHARACTERS], keep="\n")
    if isinstance(value, dict | list):
        if not levels:
            raise UnfitError(f"it is nested more than {MOST_LEVELS} deep")
        if isinstance(value, list):
            return [tamed(item, levels - 1) for item in value]
        return {tamed(k): tamed(item, levels - 1) for k, item in value.items()}
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise UnfitError("it holds a number of absurd size")
    if isinstance(value, float) and not math.isfinite(value):
        raise UnfitError("it holds a number that is not finite")
    return value

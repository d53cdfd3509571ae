"""How a plain value differs from the right one, and how values are written in messages."""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterable, Mapping
from typing import Any

from harness.printable import printable
from harness.sandbox.inside.plain import Other

MOST_CHARACTERS = 300


def difference(expected: Any, found: Any, rtol: float, atol: float, at: str = "") -> str | None:
    """Where and how ``found`` differs, in words; ``None`` where it is right.

    As Python compares: 1, 1.0 and True are equal, a list and a tuple are not. Floats may be off by
    ``rtol`` relatively or by ``atol``; nan equals nan.
    """
    where = f" at {at}" if at else ""
    if isinstance(expected, float | complex) and isinstance(found, int | float | complex):
        return None if _close(expected, found, rtol, atol) else _told(where, expected, found)
    if type(expected) is type(found) or isinstance(found, type(expected)):
        if isinstance(expected, list | tuple):
            if len(expected) != len(found):
                return (
                    f"{shown(found)} with {len(found)} items{where}, "
                    f"expected {shown(expected)} with {len(expected)}"
                )
            pairs = enumerate(zip(expected, found, strict=True))
            inner = (difference(e, f, rtol, atol, f"{at}[{i}]") for i, (e, f) in pairs)
            return next((one for one in inner if one is not None), None)
        if isinstance(expected, dict) and expected.keys() == found.keys():
            inner = (
                difference(expected[k], found[k], rtol, atol, f"{at}[{k!r}]") for k in expected
            )
            return next((one for one in inner if one is not None), None)
    try:
        equal = bool(expected == found)
    except Exception:  # a type of neither side's
        equal = False
    return None if equal else _told(where, expected, found)


def _told(where: str, expected: Any, found: Any) -> str:
    kinds = ""
    if shown(expected) == shown(found) or type(expected) is not type(found):
        kinds = f" ({type(found).__name__} for {type(expected).__name__})"
        kinds = "" if isinstance(found, Other) else kinds
    return f"{shown(found)}{where}, expected {shown(expected)}{kinds}"


def _close(expected: complex, found: complex, rtol: float, atol: float) -> bool:
    if expected == found:
        return True
    try:
        if cmath.isnan(expected) or cmath.isnan(found):
            return cmath.isnan(expected) and cmath.isnan(found)
        return cmath.isclose(expected, found, rel_tol=rtol, abs_tol=atol)
    except OverflowError:  # an integer that no float holds
        return False


def literal(value: Any) -> str:
    """Python that makes ``value`` again."""
    match value:
        case Other():
            return f"<{value.what}>"
        case float() if not math.isfinite(value):
            return f'float("{value}")'
        case list():
            return f"[{_listed(value)}]"
        case tuple():
            return f"({_listed(value)}{',' * (len(value) == 1)})"
        case set() if value:
            return f"{{{_listed(sorted(value, key=repr))}}}"
        case dict():
            pairs = ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items())
            return f"{{{pairs}}}"
    return repr(value)


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(map(literal, values))


def shown(value: Any) -> str:
    """A value in a message: ``literal``, printable and cut to length."""
    text = printable(literal(value))
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"


def call(name: str, positional: Iterable[Any], keywords: Mapping[str, Any]) -> str:
    """The call in Python."""
    named = [f"{key}={literal(value)}" for key, value in keywords.items()]
    return f"{name}({', '.join([*map(literal, positional), *named])})"

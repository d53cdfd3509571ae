"""How a plain value differs from the right one, and how values are written in messages."""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterable, Mapping
from typing import Any

from harness.printable import printable
from harness.sandbox.inside.plain import Other, Raising, Scripted

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


def other_type(expected: Any, found: Any, at: str = "") -> str | None:
    """Which of two values that are equal is of another type, also inside; ``None`` for none."""
    if type(expected) is not type(found):
        where = f" at {at}" if at else ""
        return f"gave a {type(found).__name__}{where}, expected a {type(expected).__name__}"
    match expected:
        case list() | tuple():
            inner = [
                (e, f, f"{at}[{i}]") for i, (e, f) in enumerate(zip(expected, found, strict=True))
            ]
        case dict():
            names = {key: key for key in found}
            inner = [(key, names[key], f"{at}[{key!r}]") for key in expected]
            inner += [(expected[key], found[key], f"{at}[{key!r}]") for key in expected]
        case set() | frozenset():
            names = {item: item for item in found}
            inner = [(item, names[item], at) for item in expected]
        case _:
            return None
    told = (other_type(one, other, where) for one, other, where in inner)
    return next((one for one in told if one is not None), None)


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
        case memoryview():
            return f"memoryview({bytes(value)!r})"
        case Raising():
            return f"{value.kind}()"
        case Scripted():
            return _scripted(value)
        case dict():
            pairs = ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items())
            return f"{{{pairs}}}"
    return repr(value)


def _scripted(script: Scripted) -> str:
    """What stands for it in Python to paste; ``preface`` defines the names."""
    outcomes = _listed(script.outcomes)
    match script.role:
        case "clock":
            return CLOCK
        case "sleep":
            return f"{CLOCK}.sleep"
        case "iterator":
            return f"cycle([{outcomes}])" if script.endless else f"iter([{outcomes}])"
    return f"scripted({outcomes}{', by_argument=True' * script.by_argument})"


def preface(values: Iterable[Any]) -> str:
    """What lines to paste need before them, to hand over these values."""
    scripts = [value for value in values if isinstance(value, Scripted)]
    roles = {script.role for script in scripts}
    needed = ""
    if any(script.endless for script in scripts):
        needed += "from itertools import cycle\n\n"
    if roles & {"clock", "sleep"}:
        starts = [s.outcomes[0] for s in scripts if s.role in ("clock", "sleep") and s.outcomes]
        needed += _CLOCK.format(start=literal(next(iter(starts), 0.0)))
    if "callable" in roles:
        needed += _SCRIPTED
    return needed


# Name of the clock in lines to paste.
CLOCK = "clock"
_CLOCK = """
class Clock:
    now = {start}

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


clock = Clock()
"""
_SCRIPTED = """
def scripted(*outcomes, by_argument=False):
    \"\"\"Gives or raises one after the other, the last one again and again.\"\"\"
    calls = []

    def call(*arguments, **keywords):
        given = repr((arguments, keywords))
        place = sum(map(ord, given)) if by_argument else min(len(calls), len(outcomes) - 1)
        calls.append(given)
        found = outcomes[place % len(outcomes)]
        if isinstance(found, Exception):
            raise found
        return found

    return call

"""


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(map(literal, values))


def shown(value: Any) -> str:
    """A value in a message: ``literal``, printable and cut to length."""
    return shown_text(literal(value))


def shown_text(text: str) -> str:
    """Text in a message, printable and cut to length."""
    text = printable(text)
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"


def listed_call(name: str, positional: Iterable[Any], keywords: Mapping[str, Any]) -> str:
    """The call in a message."""
    return shown_text(call(name, positional, keywords))


def call(name: str, positional: Iterable[Any], keywords: Mapping[str, Any]) -> str:
    """The call in Python."""
    named = [f"{key}={literal(value)}" for key, value in keywords.items()]
    return f"{name}({', '.join([*map(literal, positional), *named])})"

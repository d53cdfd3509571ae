"""Gates: what a share must reach, so that a run is good enough for its caller."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, cast

from harness.errors import UsageError, did_you_mean
from harness.model import Arm
from harness.summary.effects import ASKED, Asked
from harness.summary.numbers import Tally

NO_REGRESSION: Final = "no-regression"


@dataclass(frozen=True)
class Threshold:
    """A share that is asked for, e.g. ``held[skill]>=0.9``."""

    # As the user gave it.
    words: str
    question: Asked
    # ``None``: all arms that are conditions, or all arms where none is.
    arm: str | None
    # Whether the share must be ``share`` or more; else it must be less.
    at_least: bool
    # From 0 to 1, exactly as written.
    share: Fraction


@dataclass(frozen=True)
class Gate:
    """What came of one gate."""

    passed: bool
    # One sentence that names the gate and says why.
    message: str


_FORM: Final = re.compile(r"\s*(\w+)\s*(?:\[(.+)\])?\s*(>=|<)\s*([0-9.]+)\s*")


def threshold(words: str) -> Threshold:
    """Read ``QUESTION>=SHARE``, ``QUESTION<SHARE`` or ``QUESTION[ARM]>=SHARE``."""
    found = _FORM.fullmatch(words)
    if found is None:
        raise UsageError(
            f"--gate {words!r}: expected QUESTION>=SHARE, QUESTION<SHARE or {NO_REGRESSION}, such "
            f"as 'held>=0.9' or 'right[skill]>=0.8'.{did_you_mean(words, [NO_REGRESSION])}"
        )
    question, arm, sign, number = found.groups()
    if question not in ASKED:
        raise UsageError(
            f"--gate {words!r}: found the question {question!r}, expected one of "
            f"{', '.join(ASKED)}.{did_you_mean(question, ASKED)}"
        )
    try:
        share = Fraction(number)
    except ValueError:
        raise UsageError(
            f"--gate {words!r}: found {number!r}, expected a number from 0 to 1"
        ) from None
    if share > 1:
        raise UsageError(
            f"--gate {words!r}: found {number}, expected a share from 0 to 1; "
            f"write 0.9 for 90 percent"
        )
    return Threshold(words.strip(), cast(Asked, question), arm, sign == ">=", share)


def fail_under(percent: float) -> Threshold:
    """The threshold of ``--fail-under``: at least so many percent must hold."""
    if not 0 <= percent <= 100:
        raise UsageError(
            f"--fail-under: expected a percentage from 0 to 100, found {percent:g}. "
            "Give the least share of submissions that must hold, e.g. --fail-under 80."
        )
    return Threshold(
        f"--fail-under {percent:g}", "held", None, True, Fraction(repr(float(percent))) / 100
    )


def check_arms(asked: Iterable[Threshold], known: Iterable[str]) -> None:
    """Raise ``UsageError`` for a threshold on an arm that is not among ``known``."""
    names = sorted(set(known))
    for one in asked:
        if one.arm is not None and one.arm not in names:
            raise UsageError(
                f"--gate {one.words!r}: no arm is called {one.arm!r}; the arms are "
                f"{', '.join(names)}.{did_you_mean(one.arm, names)}"
            )


def gate(asked: Threshold, arms: Sequence[tuple[Arm, Tally]]) -> Gate:
    """Hold the graded submissions of ``arms`` against ``asked``.

    Without an arm, those that are conditions count together, and the others only where no arm is
    a condition. Where nothing was graded the gate fails: an absence of results is never a pass.
    """
    conditions = [one for one in arms if one[0].is_condition]
    chosen = [one for one in arms if one[0].name == asked.arm] if asked.arm else conditions or arms
    total = sum((tally for _, tally in chosen), start=Tally())
    share = total.share(asked.question)
    name = f"gate {asked.words}"
    if not share.n:
        return Gate(False, f"{name} failed: nothing was graded")
    reached = share.count >= asked.share * share.n
    word = "passed" if reached is asked.at_least else "failed"
    left = [arm.name for arm, _ in arms if not arm.is_condition] if chosen is conditions else []
    beside = f"; not counted, as they are no condition: {', '.join(left)}" if left else ""
    return Gate(word == "passed", f"{name} {word}: {share} {asked.question}{beside}")

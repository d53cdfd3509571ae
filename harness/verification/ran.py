"""What happened when the harness ran the submission's own file as a script (self-reported)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from harness.model import (
    Level,
    Notice,
    ObservedGradcheck,
    OwnTests,
    Scenario,
    Spoil,
    Spoiling,
    Verification,
    VerificationWhy,
)
from harness.verification.written import (
    OTHER_FUNCTION,
    RESULT_IGNORED,
    Needed,
    Weakness,
    WrittenCheck,
    all_of,
    listed,
    loosened,
    needs_gradcheck,
)

_KINDS = {
    Notice.GRADIENT: Spoil.FACTOR,
    Notice.SECOND_ORDER: Spoil.SECOND,
    Notice.VALUE: Spoil.VALUE,
    Notice.SOURCE: Spoil.SOURCE,
}
# Of the changes of a source that the checks can tell, tests must notice this share, and so many
# where there are so many.
LEAST_SHARE, LEAST_NOTICED = 0.7, 3

# Faults that are told by name.
_MOST_MISSED = 2

# What the error of a test says that needs something else than the code under test.
_LACKING = re.compile(
    r"cuda|nvidia|\bgpu\b|\bmps\b|ModuleNotFoundError|No module named|FileNotFoundError|"
    r"No such file|ImportError|timed? ?out|time limit|killed|memory limit|not permitted|"
    r"PermissionError|EOFError|Network is unreachable|Connection refused",
    re.I,
)


def judge_run(
    scenario: Scenario,
    own_tests: OwnTests,
    written: Sequence[WrittenCheck],
    needed: Needed,
) -> Verification | None:
    """The level that an observed run earns; ``None`` leaves the decision to what is written."""
    wanted = all_of(needed) or frozenset(own_tests.functions)
    by_design = scenario.gradcheck_fails_by_design
    checks = [check for check in own_tests.gradchecks if check.name == "gradcheck"]
    failed = [c for c in checks if not c.passed and (not wanted or wanted & set(c.functions))]
    if own_tests.passed:
        # Tests may show that one fails where it must; what else they notice is seen below.
        failed = [check for check in failed if not _single(check)]
    if failed and not (by_design and own_tests.passed):
        if lacks_something(failed[0].error):
            return None
        about = listed(failed[0].functions) or "the entry point"
        return Verification(
            Level.NONE,
            f"the submission's own gradcheck of {about} fails when it is run"
            + (f": {first_line(failed[0].error)}" if failed[0].error else ""),
            VerificationWhy.FAILS_WHEN_RUN,
        )
    if not own_tests.passed:
        return None
    tried = own_tests.spoilings
    entries = frozenset(entry.name for entry in scenario.entry_points)
    seen, missing = set[str](), set[str]()
    few = ""
    for notice in scenario.notices:
        of_entries = notice in (Notice.VALUE, Notice.SOURCE)
        kind, names = _KINDS[notice], entries if of_entries else wanted
        if notice is Notice.SOURCE:
            few = _too_few(tried)
            continue
        found_by = _all_noticed(tried, kind)
        # An empty name stands for all Functions.
        seen |= names if "" in found_by else names & found_by
        missing |= set() if "" in found_by else names - found_by
    if not seen:
        found = _unnoticed(scenario, own_tests, wanted, written)
        own = tuple(one for one in tried if one.kind is Spoil.OWN)
        return None if found is None else _counted(found, own)
    together = {one.function for one in tried if one.noticed and not one.apart}
    together = set() if by_design else together & set(wanted)
    if missing:
        found = Verification(
            Level.SHIPPED,
            f"its tests notice when {listed(seen)} {'is' if len(seen) == 1 else 'are'} spoiled, "
            f"but not when {listed(missing)} {'is' if len(missing) == 1 else 'are'}",
            VerificationWhy.NOT_COVERED,
        )
    elif few:
        found = Verification(
            Level.SHIPPED,
            f"its tests notice when the result is another one, but only {few}, expected "
            f"{LEAST_SHARE:.0%}",
            VerificationWhy.NOT_COVERED,
        )
    elif together:
        found = Verification(
            Level.RAN,
            "its tests notice when a backward is spoiled, but "
            f"{listed(together)} {'is' if len(together) == 1 else 'are'} never checked apart",
            VerificationWhy.CHECKED_TOGETHER,
        )
    else:
        found = Verification(
            Level.RAN_EACH,
            "its tests pass, and notice when "
            + ("each " if len(seen) > 1 else "the ")
            + ("result" if Notice.VALUE in scenario.notices else "backward")
            + " is spoiled"
            + (", by itself" if len(seen) > 1 else ""),
            VerificationWhy.PASSES,
        )
    return _counted(found, tried)


def _all_noticed(tried: Sequence[Spoiling], kind: Spoil) -> frozenset[str]:
    """What is noticed when it is spoiled so; where classes share a name, each of them."""
    factors = [one for one in tried if one.kind is kind]
    unnoticed = {one.function for one in factors if not one.noticed}
    return frozenset(one.function for one in factors) - unnoticed


def _too_few(tried: Sequence[Spoiling]) -> str:
    """Of an entry point of whose changed sources too few are noticed, how many; else empty."""
    noticed: dict[str, list[bool]] = {}
    for one in tried:
        if one.kind is Spoil.SOURCE:
            noticed.setdefault(one.function, []).append(one.noticed)
    for name, each in noticed.items():
        if sum(each) < max(LEAST_SHARE * len(each), min(LEAST_NOTICED, len(each))):
            return f"{sum(each)} of {len(each)} changes of the code of {name}"
    return ""


def _counted(found: Verification, tried: Sequence[Spoiling]) -> Verification:
    """With the faults that were not noticed, in words; the numbers stand beside it."""
    missed = [_in_words(one) for one in tried if not one.noticed]
    if not missed:
        return found
    more = f" and {len(missed) - _MOST_MISSED} more" if len(missed) > _MOST_MISSED else ""
    words = ", ".join(missed[:_MOST_MISSED])
    return replace(found, reason=f"{found.reason}; not noticed: {words}{more}")


def _in_words(fault: Spoiling) -> str:
    what = {
        Spoil.FACTOR: "a gradient that is off by a factor",
        Spoil.SIGN: f"the sign of {fault.gradient}",
        Spoil.TERM: str(fault.gradient),
        Spoil.SECOND: "a second derivative that is off by a factor",
        Spoil.VALUE: "another result",
        Spoil.SOURCE: str(fault.gradient),
        Spoil.OWN: "the wrong gradient that it has",
    }[fault.kind]
    return f"{what} of {fault.function}" if fault.function else what


def _unnoticed(
    scenario: Scenario,
    own_tests: OwnTests,
    wanted: frozenset[str],
    written: Sequence[WrittenCheck],
) -> Verification | None:
    """Why nothing was noticed; ``None`` where there was no check to notice anything."""
    checks = [check for check in own_tests.gradchecks if check.name == "gradcheck"]
    if not checks:
        return None
    by_design = scenario.gradcheck_fails_by_design
    weak = (_weakness(check, wanted, by_design, written) for check in checks)
    weakness = next((weakness for weakness in weak if weakness is not None), None)
    if weakness is None:
        words = "notices nothing when the backward is spoiled"
        if not needs_gradcheck(scenario):
            words = "is not seen to notice another result"
        elif not own_tests.spoilings:
            words = "never comes to the backward that was asked for"
        weakness = Weakness(VerificationWhy.NOTICES_NOTHING, words)
    reason = f"the submission's tests pass, but its gradcheck {weakness.words}"
    return Verification(Level.NONE, reason, weakness.why)


def _weakness(
    check: ObservedGradcheck,
    wanted: frozenset[str],
    by_design: bool,
    written: Sequence[WrittenCheck],
) -> Weakness | None:
    if not check.passed:
        return Weakness(VerificationWhy.FAILS_WHEN_RUN, "fails")
    if _single(check):
        words = f"runs in {listed(check.dtypes)} only; it needs float64"
        return Weakness(VerificationWhy.SINGLE_PRECISION, words)
    loose = loosened(check.options)
    if loose:
        return loose
    if check.options.get("raise_exception") is False and any(
        call.weakness == RESULT_IGNORED for call in written
    ):
        return RESULT_IGNORED
    if wanted and not wanted & set(check.functions) and not by_design:
        return OTHER_FUNCTION
    return None


def _single(check: ObservedGradcheck) -> bool:
    return bool(check.dtypes) and not set(check.dtypes) & {"float64", "complex128"}


def lacks_something(error: str | None) -> bool:
    """Whether a test stopped for want of what this machine or the sandbox has not."""
    return _LACKING.search(error or "") is not None


def first_line(text: str | None) -> str:
    """The first line of ``text`` that holds something, cut to length."""
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    return lines[0][:200] if lines else ""

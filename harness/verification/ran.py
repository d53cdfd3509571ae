"""What happened when the harness ran the submission's own file as a script (self-reported)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from harness.model import (
    Level,
    ObservedGradcheck,
    OwnTests,
    Scenario,
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
)

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
    judged = [(check, _weakness(check, wanted, by_design, written)) for check in checks]
    good = [check for check, weakness in judged if weakness is None]
    if not good:
        weakness = next((weakness for _, weakness in judged if weakness), None)
        if weakness is None:
            return None
        reason = f"the submission's tests pass, but its gradcheck {weakness.words}"
        return Verification(Level.NONE, reason, weakness.why)
    covered = frozenset().union(*(check.functions for check in good))
    missing = frozenset() if by_design else wanted - covered
    if missing:
        return Verification(
            Level.SHIPPED,
            f"gradcheck passes for {listed(covered & wanted)} when the submission's tests are run, "
            f"but none covers {listed(missing)}",
            VerificationWhy.NOT_COVERED,
        )
    together = [f for f in sorted(wanted) if not _alone(f, good, needed)]
    if together and not (by_design and len(wanted) <= 1):
        return Verification(
            Level.RAN,
            "gradcheck passes when the submission's tests are run, but "
            f"{listed(together)} {'is' if len(together) == 1 else 'are'} never checked apart",
            VerificationWhy.CHECKED_TOGETHER,
        )
    return Verification(
        Level.RAN_EACH,
        "gradcheck passes when the submission's tests are run"
        + (", for every Function by itself" if len(wanted) > 1 else ""),
        VerificationWhy.PASSES,
    )


def _weakness(
    check: ObservedGradcheck,
    wanted: frozenset[str],
    by_design: bool,
    written: Sequence[WrittenCheck],
) -> Weakness | None:
    if not check.passed:
        return Weakness(VerificationWhy.FAILS_WHEN_RUN, "fails")
    if check.dtypes and not set(check.dtypes) & {"float64", "complex128"}:
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


def _alone(function: str, good: Iterable[ObservedGradcheck], needed: Needed) -> bool:
    """Whether a call applied ``function`` and nothing but what its entry point needs with it."""
    company = frozenset().union({function}, *(n for n in needed.values() if function in n))
    return any(function in check.functions and set(check.functions) <= company for check in good)


def lacks_something(error: str | None) -> bool:
    """Whether a test stopped for want of what this machine or the sandbox has not."""
    return _LACKING.search(error or "") is not None


def first_line(text: str | None) -> str:
    """The first line of ``text`` that holds something, cut to length."""
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    return lines[0][:200] if lines else ""

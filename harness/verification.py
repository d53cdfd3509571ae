"""What a submission did to check itself: one level, and the sentence that says why.

Evidence comes from three places: the code (what its gradcheck calls would check), the harness's
own run of the file as a script (what they did check, self-reported by the candidate's process),
and the prose, which can only ever claim.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.checks.text import Sentence, in_context, says, sentences
from harness.model import Level, ObservedGradcheck, OwnTests, Scenario, Submission, Verification
from harness.source import Gradcheck, Source, analyse
from harness.submissions import snippets

# Beyond these a gradcheck accepts gradients that are wrong in their second digit.
MAX_ATOL, MAX_RTOL = 1e-2, 5e-2

CLAIMS = (
    "I tested",
    "I've tested",
    "I ran",
    "I have run",
    "I verified",
    "I've verified",
    "I checked",
    "I've checked",
    "I have checked",
    "gradcheck passes",
    "gradcheck … passes",
    "gradcheck passed",
    "passes … gradcheck",
    "passed … gradcheck",
    "gradients … verified",
    "verified … with gradcheck",
    "verified against",
    "verified numerically",
    "checked against",
    "tested against",
    "tested and working",
    "fully tested",
    "is tested",
    "are tested",
    "was tested",
    "has been tested",
    "have been tested",
    "all … tests pass",
    "all … checks pass",
    "all … tests passed",
    "tests pass",
    "confirmed … numerical*",
)
_ADMITS = re.compile(
    r"\b(?:(?:have|has)(?:n't| not) (?:been )?(?:run|tested|tried|executed|verified|checked)|"
    r"(?:did|could)(?:n't| not) (?:run|test|try|execute|verify)|not (?:run|tested)\b|untested|"
    r"unverified|never (?:run|tested))",
    re.I,
)
_MISSING = re.compile(
    r"cuda|nvidia|\bgpu\b|\bmps\b|ModuleNotFoundError|No module named|FileNotFoundError|"
    r"No such file|ImportError|timed? ?out|time limit|killed|memory limit|not permitted|"
    r"PermissionError|EOFError|Network is unreachable|Connection refused",
    re.I,
)


@dataclass(frozen=True)
class _Call:
    """A gradcheck call and, where it does not count, why not."""

    line: int
    functions: frozenset[str] | None
    fault: str | None


def judge(
    submission: Submission, scenario: Scenario, source: Source | None, own_tests: OwnTests | None
) -> Verification:
    """The level of verification; ``own_tests`` is ``None`` where the file could not be run."""
    needed = _needed(scenario, source, own_tests)
    written = _written(submission, scenario, source, needed)
    sound = [call for call in written if call.fault is None]
    if own_tests is not None and own_tests.gradchecks:
        ran = _judge_run(scenario, own_tests, written, needed)
        if ran is not None:
            return ran
    if sound:
        return Verification(Level.SHIPPED, _why_only_shipped(scenario, source, own_tests, sound))
    return _unverified(submission, source, own_tests, written)


# --------------------------------------------------------------------------
# What has to be checked


def _needed(
    scenario: Scenario, source: Source | None, own_tests: OwnTests | None
) -> dict[str, frozenset[str]]:
    """Functions to be verified, by entry point; those seen in use win over those read."""
    seen: Mapping[str, Sequence[str]] = own_tests.used_by if own_tests else {}
    found: dict[str, frozenset[str]] = {}
    for entry in scenario.entry_points:
        if entry.differentiable:
            read = source.reached(entry.name) if source else frozenset()
            found[entry.name] = frozenset(seen.get(entry.name, ())) or read
    return {name: functions for name, functions in found.items() if functions}


def _all(needed: Mapping[str, frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*needed.values())


# --------------------------------------------------------------------------
# What is written down


def _written(
    submission: Submission,
    scenario: Scenario,
    source: Source | None,
    needed: Mapping[str, frozenset[str]],
) -> list[_Call]:
    """The gradcheck calls of the code and of snippets in the prose."""
    code_lines = range(0)
    found: list[_Call] = []
    if source is not None and submission.code is not None:
        code_lines = range(
            submission.code_line, submission.code_line + submission.code.count("\n") + 1
        )
        found = [
            _Call(call.line, call.functions, _fault(call, scenario, needed))
            for call in source.gradchecks
            if call.name == "gradcheck"
        ]
    if submission.kind == "reply":
        for snippet in snippets(submission.text):
            if snippet.line not in code_lines and "gradcheck" in snippet.code:
                aside = analyse(snippet.code, snippet.line - 1)
                found += [
                    _Call(call.line, functions, _fault(call, scenario, needed, functions))
                    for call in aside.gradchecks
                    if call.name == "gradcheck"
                    for functions in [_snippet_functions(call, source)]
                ]
    return found


def _snippet_functions(call: Gradcheck, source: Source | None) -> frozenset[str] | None:
    """Functions a snippet checks: the names in it are those of the submission's code."""
    if source is None:
        return None
    names = frozenset(re.findall(r"\w+", call.target))
    return source.reached_from(names) or None


def _fault(
    call: Gradcheck,
    scenario: Scenario,
    needed: Mapping[str, frozenset[str]],
    functions: frozenset[str] | None = None,
) -> str | None:
    """Why a written gradcheck is no verification; ``None`` where it is one."""
    functions = call.functions if functions is None else functions
    by_design = scenario.gradcheck_fails_by_design
    if call.precision == "single":
        return (
            "runs in single precision only, where finite differences cannot tell right from wrong"
        )
    if call.ignored:
        return "cannot fail: its result is ignored"
    loose = _loose(call.options)
    if loose:
        return loose
    wanted = _all(needed)
    if wanted and functions is not None and not functions & wanted and not by_design:
        return "checks something else than the entry point's own Function"
    return None


def _loose(options: Mapping[str, float | bool]) -> str | None:
    for name, limit in (("atol", MAX_ATOL), ("rtol", MAX_RTOL)):
        value = options.get(name, 0.0)
        # Written so that a tolerance of NaN counts as loosened.
        if not value <= limit:
            return f"has its tolerance loosened to {name}={value:g}"
    return None


# --------------------------------------------------------------------------
# What happened when it ran


def _judge_run(
    scenario: Scenario,
    own_tests: OwnTests,
    written: Sequence[_Call],
    needed: Mapping[str, frozenset[str]],
) -> Verification | None:
    """The level that an observed run earns; ``None`` leaves the decision to what is written."""
    wanted = _all(needed) or frozenset(own_tests.functions)
    by_design = scenario.gradcheck_fails_by_design
    checks = [check for check in own_tests.gradchecks if check.name == "gradcheck"]
    failed = [c for c in checks if not c.passed and (not wanted or wanted & set(c.functions))]
    if failed and not (by_design and own_tests.passed):
        if _MISSING.search(failed[0].error or ""):
            return None
        about = _names(failed[0].functions) or "the entry point"
        return Verification(
            Level.NONE,
            f"the submission's own gradcheck of {about} fails when it is run"
            + (f": {_first_line(failed[0].error)}" if failed[0].error else ""),
        )
    if not own_tests.passed:
        return None
    faults = [(check, _observed_fault(check, wanted, by_design, written)) for check in checks]
    good = [check for check, fault in faults if fault is None]
    if not good:
        fault = next((fault for _, fault in faults if fault), None)
        if fault is None:
            return None
        return Verification(Level.NONE, f"the submission's tests pass, but its gradcheck {fault}")
    covered = frozenset().union(*(check.functions for check in good))
    missing = frozenset() if by_design else wanted - covered
    if missing:
        return Verification(
            Level.SHIPPED,
            f"gradcheck passes for {_names(covered & wanted)} when the submission's tests are run, "
            f"but none covers {_names(missing)}",
        )
    together = [f for f in sorted(wanted) if not _alone(f, good, needed)]
    if together and not (by_design and len(wanted) <= 1):
        return Verification(
            Level.RAN,
            "gradcheck passes when the submission's tests are run, but "
            f"{_names(together)} {'is' if len(together) == 1 else 'are'} never checked apart",
        )
    return Verification(
        Level.RAN_EACH,
        "gradcheck passes when the submission's tests are run"
        + (", for every Function by itself" if len(wanted) > 1 else ""),
    )


def _observed_fault(
    check: ObservedGradcheck, wanted: frozenset[str], by_design: bool, written: Sequence[_Call]
) -> str | None:
    if not check.passed:
        return "fails"
    if check.dtypes and not set(check.dtypes) & {"float64", "complex128"}:
        return f"runs in {_names(check.dtypes)} only; it needs float64"
    loose = _loose(check.options)
    if loose:
        return loose
    if check.options.get("raise_exception") is False and any(
        call.fault and "ignored" in call.fault for call in written
    ):
        return "cannot fail: its result is ignored"
    if wanted and not wanted & set(check.functions) and not by_design:
        return "checks something else than the entry point's own Function"
    return None


def _alone(
    function: str, good: Iterable[ObservedGradcheck], needed: Mapping[str, frozenset[str]]
) -> bool:
    """Whether a call applied ``function`` and nothing but what its entry point needs with it."""
    company = frozenset().union({function}, *(n for n in needed.values() if function in n))
    return any(function in check.functions and set(check.functions) <= company for check in good)


# --------------------------------------------------------------------------
# Reasons


def _why_only_shipped(
    scenario: Scenario,
    source: Source | None,
    own_tests: OwnTests | None,
    sound: Sequence[_Call],
) -> str:
    carries = f"carries a gradcheck (line {sound[0].line})"
    covered = [call.functions for call in sound]
    if source is not None and None not in covered and not scenario.gradcheck_fails_by_design:
        missing = _all(_needed(scenario, source, own_tests)) - frozenset().union(
            *(functions or frozenset() for functions in covered)
        )
        if missing:
            carries += f", though none for {_names(missing)}"
    if own_tests is None:
        return f"{carries}, but the file could not be run to see whether it passes"
    if not own_tests.passed:
        why = _first_line(own_tests.error) or "an error"
        if _MISSING.search(own_tests.error or ""):
            return f"{carries} whose tests need something that is not here: {why}"
        return f"{carries}, but its own tests stop with an error: {why}"
    return f"{carries} that does not run when the file is run as a script"


def _unverified(
    submission: Submission,
    source: Source | None,
    own_tests: OwnTests | None,
    written: Sequence[_Call],
) -> Verification:
    if written:
        reason = f"its gradcheck (line {written[0].line}) {written[0].fault}"
    elif source is not None and any(c.name == "gradgradcheck" for c in source.gradchecks):
        reason = "it carries a gradgradcheck but no gradcheck of the first derivative"
    elif _has_tests(source):
        ends = "; they " + ("pass" if own_tests.passed else "fail") if own_tests else ""
        reason = f"its own tests hold no gradcheck{ends}"
    else:
        reason = "it carries no gradcheck and no test"
    said = sentences(submission)
    claim = _claim(said)
    if claim is not None:
        return Verification(Level.CLAIMED, f"line {claim} says it was checked, but {reason}")
    if any(_ADMITS.search(sentence.text) for sentence in said):
        reason += ", and it says itself that it was not run"
    return Verification(Level.NONE, reason)


def _has_tests(source: Source | None) -> bool:
    return source is not None and bool(source.tests or source.main_lines)


def _claim(said: Sequence[Sentence]) -> int | None:
    """Line of the first sentence that claims a check took place."""
    for sentence, following in in_context(said):
        if not _ADMITS.search(sentence.text) and says(sentence, following, CLAIMS):
            return sentence.line
    return None


def _first_line(text: str | None) -> str:
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    return lines[0][:200] if lines else ""


def _names(names: Iterable[str]) -> str:
    ordered = sorted(names)
    if len(ordered) < 2:
        return "".join(ordered)
    return f"{', '.join(ordered[:-1])} and {ordered[-1]}"

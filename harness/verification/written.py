"""The gradchecks that a submission carries, and why one of them proves nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from harness.code import GradcheckCall, Source, analyse
from harness.code.lines import line_index
from harness.model import Notice, OwnTests, Scenario, StepKind, Submission, VerificationWhy
from harness.read.submissions import Snippet, snippets
from harness.read.submissions.reply import MAX_LINES

# Snippets that are looked at; an honest reply shows a handful.
_MAX_SNIPPETS = 100

# Beyond these a gradcheck accepts gradients that are wrong in their second digit.
MAX_ATOL, MAX_RTOL = 1e-2, 5e-2

# Functions to be verified, by entry point.
Needed = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Weakness:
    """Why a gradcheck proves nothing even if it passes."""

    why: VerificationWhy
    # Follows the check, e.g. ``runs in single precision only``.
    words: str


SINGLE_PRECISION = Weakness(
    VerificationWhy.SINGLE_PRECISION,
    "runs in single precision only, where finite differences cannot tell right from wrong",
)
RESULT_IGNORED = Weakness(VerificationWhy.RESULT_IGNORED, "cannot fail: its result is ignored")
OTHER_FUNCTION = Weakness(
    VerificationWhy.OTHER_FUNCTION, "checks something else than the entry point's own Function"
)


@dataclass(frozen=True)
class WrittenCheck:
    """A gradcheck call in the code, in a snippet or in a file of a transcript."""

    line: int
    functions: frozenset[str] | None
    # ``None`` where it counts.
    weakness: Weakness | None
    # File it stands in, where that is not the graded code.
    file: str = ""

    @property
    def place(self) -> str:
        """Where it stands, in words."""
        return self.file or f"line {self.line}"


def needed_functions(
    scenario: Scenario, source: Source | None, own_tests: OwnTests | None
) -> Needed:
    """Functions to be verified, by entry point; those seen in use win over those read."""
    seen: Mapping[str, Sequence[str]] = own_tests.used_by if own_tests else {}
    found: dict[str, frozenset[str]] = {}
    for entry in scenario.entry_points:
        if entry.differentiable:
            read = source.reached(entry.name) if source else frozenset()
            found[entry.name] = frozenset(seen.get(entry.name, ())) or read
    return {name: functions for name, functions in found.items() if functions}


def needs_gradcheck(scenario: Scenario) -> bool:
    """Whether every answer has Functions of which tests must notice a spoiled gradient."""
    return scenario.asks_for_function and _spoils_gradients(scenario)


def _spoils_gradients(scenario: Scenario) -> bool:
    return bool({Notice.GRADIENT, Notice.SECOND_ORDER} & set(scenario.notices))


def subjects(scenario: Scenario, needed: Needed) -> frozenset[str]:
    """What is to be verified: Functions where gradients are, else the entry points themselves."""
    functions = all_of(needed) if _spoils_gradients(scenario) else frozenset[str]()
    if functions or needs_gradcheck(scenario):
        return functions
    return frozenset(entry.name for entry in scenario.entry_points)


def all_of(needed: Needed) -> frozenset[str]:
    """The Functions of every entry point."""
    return frozenset().union(*needed.values())


def written_checks(
    submission: Submission,
    scenario: Scenario,
    source: Source | None,
    needed: Needed,
    files: Mapping[str, Source],
) -> list[WrittenCheck]:
    """The gradcheck calls of the code, of snippets in the prose and of a transcript's ``files``."""
    code_lines = range(0)
    found: list[WrittenCheck] = []
    if submission.code is None and not files:
        # A check alone, such as one that a guide shows, checks nothing.
        return found
    if source is not None and submission.code is not None:
        code_lines = range(
            submission.code_line, submission.code_line + submission.code.count("\n") + 1
        )
        found = [
            WrittenCheck(call.line, call.functions, weakness(call, scenario, needed))
            for call in source.gradchecks
            if call.name == "gradcheck"
        ]
    shown = (
        snippet
        for snippet in _snippets(submission)
        if snippet.line not in code_lines and "gradcheck" in snippet.code
    )
    for snippet in islice(shown, _MAX_SNIPPETS):
        aside = analyse(snippet.code, snippet.line - 1)
        found += [
            WrittenCheck(call.line, functions, weakness(call, scenario, needed, functions))
            for call in aside.gradchecks
            if call.name == "gradcheck"
            for functions in [_snippet_functions(call, source)]
        ]
    known = {call.functions for call in found}
    found += [
        WrittenCheck(
            submission.code_line, call.functions, weakness(call, scenario, needed), f"in {path}"
        )
        for path, other in files.items()
        for call in other.gradchecks
        if call.name == "gradcheck" and call.functions not in known
    ]
    return found


def _snippets(submission: Submission) -> Iterable[Snippet]:
    """Code that the agent shows in what it says."""
    if submission.kind == "reply":
        yield from snippets(submission.text)
    room = MAX_LINES
    for step in submission.transcript.steps if submission.transcript else ():
        if step.kind is StepKind.SAID:
            room -= len(line_index(step.text))
            if room < 0:
                return
            for snippet in snippets(step.text):
                yield replace(snippet, line=snippet.line + step.line)


def _snippet_functions(call: GradcheckCall, source: Source | None) -> frozenset[str] | None:
    """Functions a snippet checks: the names in it are those of the submission's code."""
    if source is None:
        return None
    names = frozenset(re.findall(r"\w+", call.target))
    return source.reached_from(names) or None


def weakness(
    call: GradcheckCall,
    scenario: Scenario,
    needed: Needed,
    functions: frozenset[str] | None = None,
) -> Weakness | None:
    """Why a gradcheck is no verification; ``None`` where it is one."""
    functions = call.functions if functions is None else functions
    by_design = scenario.gradcheck_fails_by_design
    if call.precision == "single":
        return SINGLE_PRECISION
    if call.ignored:
        return RESULT_IGNORED
    loose = loosened(call.options)
    if loose:
        return loose
    wanted = all_of(needed)
    if wanted and functions is not None and not functions & wanted and not by_design:
        return OTHER_FUNCTION
    return None


def loosened(options: Mapping[str, float | bool]) -> Weakness | None:
    """Whether a tolerance is so wide that wrong gradients pass."""
    for name, limit in (("atol", MAX_ATOL), ("rtol", MAX_RTOL)):
        value = options.get(name, 0.0)
        # Written so that a tolerance of NaN counts as loosened.
        if not value <= limit:
            words = f"has its tolerance loosened to {name}={value:g}"
            return Weakness(VerificationWhy.LOOSENED, words)
    return None


def listed(names: Iterable[str]) -> str:
    """Names in order, as a sentence lists them."""
    ordered = sorted(names)
    if len(ordered) < 2:
        return "".join(ordered)
    return f"{', '.join(ordered[:-1])} and {ordered[-1]}"

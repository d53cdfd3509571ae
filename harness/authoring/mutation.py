"""Whether the checks notice changes of the reference: each is graded like a submission.

A change that passes every required check either makes no difference or shows a gap in the checks.
Which of the two is asked by calls: those of the checks, and more where values are plain.
"""

from __future__ import annotations

import copy
import hashlib
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import torch

from harness.checks.compare import Vjp
from harness.code import source_of
from harness.code.mutants import Mutant, mutants
from harness.code.terms import without_terms
from harness.grading.changed import answers_of, asked_of, differ
from harness.grading.load import load
from harness.grading.page import FINDINGS_ONLY, begun
from harness.grading.plan import Plan
from harness.grading.work import Work
from harness.model import EntryPoint, Outcome, Submission
from harness.numerics.plain.asking import Expectation
from harness.numerics.plain.drawing import arguments, drawn
from harness.numerics.question import Answer, put
from harness.sandbox import shared
from harness.sandbox.session import CandidateFault

# Changes that are tried per scenario, and further calls that are to tell a survivor apart.
TRIED, CALLS = 40, 200
# Checks that notice most of them, asked first because the others take longer.
_FIRST: Final = ("equals", "raises", "sequence", "forward", "vjp")


class MutantState(StrEnum):
    """What became of a change."""

    # A required check fails it.
    NOTICED = "noticed"
    # Every required check passes it, and a call gives something else.
    SURVIVED = "survived"
    # Every required check passes it, and no call gives anything else: probably the same.
    SAME = "no difference found"


@dataclass(frozen=True)
class TriedMutant:
    """One change of the reference with what became of it."""

    entry: str
    # Line of the reference's code, from 1; what stood there and what does now.
    line: int
    before: str
    after: str
    state: MutantState
    # Calls in which it was compared with the reference; of one that was noticed 0.
    calls: int = 0
    # A call that it answers otherwise, with both answers; ``None`` where values are no plain ones.
    shown: str | None = None


@dataclass(frozen=True)
class MutationScore:
    """What the checks of a scenario notice."""

    tried: tuple[TriedMutant, ...]
    # Changes there are, of which some were tried.
    of: int

    def count(self, state: MutantState) -> int:
        return sum(one.state is state for one in self.tried)


def mutation_score(
    plan: Plan,
    reference: Submission,
    address: str,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> MutationScore:
    """Try changes of ``reference``, the same ones each time; ``address`` is a zygote's.

    Raises ``SandboxError`` where the sandbox failed.
    """
    every = [m for entry in plan.scenario.entry_points for m in _mutants(reference, entry)]
    every = list({one.code: one for one in every}.values())
    some = random.Random(f"{plan.scenario.id}/mutants").sample(every, min(TRIED, len(every)))
    some.sort(key=lambda one: one.line)
    with shared(address):
        same = _as_submission(reference, reference.code or "")
        right = {
            entry.name: _answers(_Graded.of(same, plan, address), plan, same, entry, address)
            for entry in plan.scenario.entry_points
            if not entry.is_plain
        }
        tried = []
        for number, mutant in enumerate(some):
            on_progress(number, len(some))
            tried.append(_try(mutant, plan, reference, address, right))
    return MutationScore(tuple(tried), len(every))


def _mutants(reference: Submission, entry: EntryPoint) -> Iterator[Mutant]:
    code = reference.code or ""
    yield from mutants(code, entry.name, tensors=not entry.is_plain)
    source = source_of(reference)
    if entry.is_plain or source is None:
        return
    for function in source.functions:
        for one in without_terms(code, function):
            line = next(
                (
                    number
                    for number, (old, new) in enumerate(
                        zip(code.splitlines(), one.code.splitlines(), strict=False), start=1
                    )
                    if old != new
                ),
                function.line,
            )
            yield Mutant(entry.name, line, one.term, f"0 * ({one.term})", one.code)


def _as_submission(reference: Submission, code: str) -> Submission:
    return replace(
        reference,
        id=f"mutant/{reference.scenario}",
        arm="mutant",
        sha256=hashlib.sha256(code.encode()).hexdigest(),
        text=code,
        kind="python",
        code=code,
        code_line=1,
        prose=(),
        transcript=None,
        tests=(),
    )


@dataclass(frozen=True)
class _Graded:
    """What the checks found of some code."""

    # Whether no required check fails it.
    passes: bool
    work: Work | None

    @staticmethod
    def of(submission: Submission, plan: Plan, address: str) -> _Graded:
        work = begun(submission, plan, address)
        try:
            with work.start_session() as session:
                work = replace(work, session=session)
                for step in FINDINGS_ONLY:
                    work = step(work)
        except CandidateFault:  # it hangs or ends its process, which no check lets pass
            return _Graded(False, None)
        found = [one.outcome for one in work.findings if one.required]
        return _Graded(all(one is Outcome.PASSED for one in found), replace(work, session=None))


def _try(
    mutant: Mutant,
    plan: Plan,
    reference: Submission,
    address: str,
    right: Mapping[str, Sequence[Answer]],
) -> TriedMutant:
    told = (mutant.entry, mutant.line, mutant.before, mutant.after)
    submission = _as_submission(reference, mutant.code)
    first = copy.copy(plan)
    first.steps = [step for step in plan.steps if step.check.kind in _FIRST]
    if not _Graded.of(submission, first, address).passes:
        return TriedMutant(*told, MutantState.NOTICED)
    graded = _Graded.of(submission, plan, address)
    if not graded.passes:
        return TriedMutant(*told, MutantState.NOTICED)
    entry = plan.scenario.entry_point(mutant.entry)
    if entry.is_plain:
        calls, shown = _differing_call(plan, reference, mutant, entry, address)
        state = MutantState.SURVIVED if shown is not None else MutantState.SAME
        return TriedMutant(*told, state, calls, shown)
    given = _answers(graded, plan, submission, entry, address)
    wanted = right[entry.name]
    alike = len(given) == len(wanted) and all(map(_alike, given, wanted))
    state = MutantState.SAME if alike else MutantState.SURVIVED
    return TriedMutant(*told, state, len(given))


def _answers(
    graded: _Graded, plan: Plan, submission: Submission, entry: EntryPoint, address: str
) -> list[Answer]:
    """All that was computed for checks that compare with an expectation, and gradients."""
    if graded.work is None:
        return []
    found = [
        answer
        for step, answers in zip(graded.work.steps, graded.work.answers, strict=True)
        for trial, answer in zip(step.trials, answers, strict=True)
        if trial.expected
    ]
    gradients = Vjp()
    if not gradients.fits(entry):
        return found
    # No check of the scenario may have asked for them.
    trials = plan.bench.once(("survivors", entry.name), lambda: gradients.trials(plan.bench, entry))
    work = begun(submission, plan, address)
    with suppress(CandidateFault), work.start_session() as session:
        load(session, work)
        found += put(session, [trial.question for trial in trials])
    return found


def _alike(one: Answer, other: Answer) -> bool:
    """Whether two answers hold the same numbers, bit for bit."""
    if (one.error is None) != (other.error is None) or one.parts.keys() != other.parts.keys():
        return False
    return all(
        part.dtype == other.parts[name].dtype
        and part.shape == other.parts[name].shape
        and torch.equal(part.nan_to_num(), other.parts[name].nan_to_num())
        for name, part in one.parts.items()
    )


def _differing_call(
    plan: Plan, reference: Submission, mutant: Mutant, entry: EntryPoint, address: str
) -> tuple[int, str | None]:
    """How many calls were compared, and one that the mutant answers otherwise."""
    seed = f"{plan.scenario.id}/{entry.name}/survivors"
    work = begun(_as_submission(reference, mutant.code), plan, address)
    asked = [*asked_of(work, entry)]
    if entry.usage is None:
        asked += plan.bench.once(("survivors", seed), lambda: drawn(arguments(entry), seed, CALLS))
    with suppress(CandidateFault), work.start_session() as session:
        usual, other = (
            answers_of(session, work, entry, asked, code) for code in (reference.code, mutant.code)
        )
        for place, (one, two) in enumerate(zip(usual, other, strict=True)):
            if one is not None and two is not None and differ(entry, [one], [two]):
                shown = "a call"
                if entry.usage is None and isinstance(example := asked[place], dict):
                    shown = Expectation(entry, example, None).written()
                return len(asked), f"{shown} gives {two.told()}, and {one.told()} before"
        return len(asked), None
    return 0, "the process ended in one of the calls"

"""Changes of a submission's source that its own tests are to notice: those the checks can tell."""

from __future__ import annotations

import ast
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from harness.checks.plain import Equals, cases
from harness.checks.round_trip import RoundTrip, round_trips
from harness.checks.sequence import every_parameter, sequences
from harness.code.mutants import Mutant, mutants
from harness.grading.load import load
from harness.grading.script import has_examples
from harness.grading.work import Work
from harness.model import EntryPoint, Notice
from harness.numerics.plain.asking import Called, ask, same, used_otherwise
from harness.numerics.plain.drawing import Arguments
from harness.numerics.plain.sequence import Play, perform
from harness.sandbox.session import CandidateFault, Session

_T = TypeVar("_T")
Asked = Sequence[Arguments | Play]
# Changes that are tried per entry point, those that are kept, and calls that are to tell them.
TRIED, KEPT, CALLS = 60, 16, 120
# How many times longer than without a change its calls may take, at least these seconds, and how
# many changes may end a process.
SLOWER, LEAST_S, MOST_ENDED = 10.0, 0.5, 5


def find_mutants(work: Work) -> Work:
    """Changes that give another answer to one of the checks' calls, in a process of their own."""
    if Notice.SOURCE not in work.plan.scenario.notices or not may_test(work):
        return work
    entries = [e for e in work.plan.scenario.entry_points if e.is_plain and e.name in work.usable]
    found = [mutant for entry in entries for mutant in _told_apart(work, entry)]
    return replace(work, mutants=tuple(found))


def may_test(work: Work) -> bool:
    """Whether anything is there that could notice a change."""
    defines = ast.FunctionDef | ast.AsyncFunctionDef | ast.Import | ast.ImportFrom | ast.Assign
    runs = [node for node in work.source.tree.body if not isinstance(node, defines)]
    runs = [n for n in runs if not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))]
    runs = [n for n in runs if not isinstance(n, ast.ClassDef) or "test" in ast.unparse(n).lower()]
    examples = has_examples(work.source.tree)
    return bool(work.source.tests or work.submission.tests or runs or examples)


def _told_apart(work: Work, entry: EntryPoint) -> Iterator[Mutant]:
    """All that the checks can tell; where they are many, the run's seed chooses."""
    assert work.submission.code is not None
    rng = random.Random(f"{work.plan.bench.seed}/{work.submission.sha256}/{entry.name}/mutants")
    asked = _some(asked_of(work, entry), CALLS, rng)
    tried = iter(_some(mutants(work.submission.code, entry.name), TRIED, rng))
    found: list[Mutant] = []
    try:
        with work.start_session() as session:
            began = time.monotonic()
            usual = answers_of(session, work, entry, asked, None)
    except CandidateFault:
        return
    within_s = max(LEAST_S, SLOWER * (time.monotonic() - began))
    for _ in range(MOST_ENDED):
        # One that ends the process, or its own calls never, says nothing; the next are tried anew.
        with suppress(CandidateFault), work.start_session() as session:
            for mutant in tried:
                other = answers_of(session, work, entry, asked, mutant.code, within_s)
                if differ(entry, usual, other):
                    found.append(mutant)
            break
    yield from _some(found, KEPT, rng)


def _some(every: Sequence[_T], most: int, rng: random.Random) -> tuple[_T, ...]:
    """As many as there may be, in their order."""
    chosen = sorted(rng.sample(range(len(every)), min(most, len(every))))
    return tuple(every[n] for n in chosen)


def asked_of(work: Work, entry: EntryPoint) -> Asked:
    """What the checks ask of an entry point with plain values. Raises ``ScenarioError``."""
    if entry.usage is not None:
        return [one.play for one in sequences(work.plan.bench, entry)]
    pair = pair_of(work, entry)
    return [case.arguments for case in cases(work.plan.bench, pair[0] if pair else entry)]


def pair_of(work: Work, entry: EntryPoint) -> tuple[EntryPoint, EntryPoint] | None:
    """The two of which one undoes the other, where ``entry`` is one and only that is asked of it.

    What lies between them may change as it likes.
    """
    if any(isinstance(s.check, Equals) and s.entry == entry for s in work.plan.steps):
        return None
    for step in work.plan.steps:
        if isinstance(step.check, RoundTrip) and entry.name in (step.check.of, step.check.by):
            return step.entry, work.plan.scenario.entry_point(step.check.by)
    return None


def answers_of(
    session: Session,
    work: Work,
    entry: EntryPoint,
    asked: Asked,
    code: str | None,
    within_s: float | None = None,
) -> list[Called | None]:
    """What the submission, or ``code`` in its place, answers; nothing where it cannot be called."""
    session.renew(within_s)
    if entry.name not in load(session, work, code).usable:
        return []
    plays = [one for one in asked if isinstance(one, Play)]
    if plays:
        return [step for steps in perform(session, plays) for step in steps]
    calls = [one for one in asked if isinstance(one, dict)]
    pair = pair_of(work, entry)
    return [*(round_trips(session, session, pair, calls) if pair else ask(session, entry, calls))]


def differ(entry: EntryPoint, usual: list[Called | None], other: list[Called | None]) -> bool:
    """Whether two lists of answers to the same are told apart by anything."""
    if len(usual) != len(other):
        return True
    parameters = every_parameter(entry)

    def differs(one: Called, two: Called) -> bool:
        if (one.raised is None) != (two.raised is None) or not same(one.value, two.value):
            return True
        return used_otherwise(parameters, one.uses, two.uses, 0, 0) is not None

    return any(
        one is not two and (one is None or two is None or differs(one, two))
        for one, two in zip(usual, other, strict=True)
    )

"""Changes of a submission's source that its own tests are to notice: those the checks can tell."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from harness.checks.plain import cases
from harness.code.mutants import Mutant, mutants
from harness.grading.load import load
from harness.grading.work import Work
from harness.model import EntryPoint, Notice
from harness.numerics.plain.asking import Called, Expectation, ask, same
from harness.sandbox.session import CandidateFault, Session

# Changes that are tried per entry point, those that are kept, and calls that are to tell them.
TRIED, KEPT, CALLS = 24, 10, 60


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
    return bool(work.source.tests or work.submission.tests or runs)


def _told_apart(work: Work, entry: EntryPoint) -> Iterator[Mutant]:
    assert work.submission.code is not None
    rng = random.Random(f"{work.plan.bench.seed}/{work.submission.sha256}/{entry.name}/mutants")
    every = mutants(work.submission.code, entry.name)
    asked = cases(work.plan.bench, entry)
    asked = asked if len(asked) <= CALLS else tuple(rng.sample(asked, CALLS))
    some = rng.sample(every, min(TRIED, len(every)))
    kept = 0
    with suppress(CandidateFault), work.start_session() as session:
        usual = _answers(session, work, entry, asked, None)
        for mutant in some:
            if kept == KEPT:
                return
            try:
                other = _answers(session, work, entry, asked, mutant.code)
            except CandidateFault:
                return  # one that ends the process says nothing, and takes the process with it
            if _differ(usual, other):
                kept += 1
                yield mutant


def _answers(
    session: Session,
    work: Work,
    entry: EntryPoint,
    asked: tuple[Expectation, ...],
    code: str | None,
) -> list[Called]:
    session.renew()
    if entry.name not in load(session, work, code).usable:
        return []
    return ask(session, entry, [case.arguments for case in asked])


def _differ(usual: list[Called], other: list[Called]) -> bool:
    if len(usual) != len(other):
        return True
    return any(
        (one.raised is None) != (two.raised is None) or not same(one.value, two.value)
        for one, two in zip(usual, other, strict=True)
    )

"""Stock gradcheck runs here, on questions that were rehearsed against the oracle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.checks.context import Bench, SubmissionContext
from harness.checks.stock import Gradcheck, Gradgradcheck
from harness.code import analyse
from harness.grading.page import grade
from harness.grading.plan import Plan
from harness.model import Outcome, Submission
from harness.numerics import oracles
from harness.read import scenarios
from harness.read.submissions import Asked
from harness.read.submissions.content import Origin, build

ROOT = Path(__file__).parents[1]


@pytest.fixture
def bench() -> Bench:
    scenario = scenarios.load(ROOT / "scenarios").scenario("learnable-swish")
    return Bench(scenario, oracles.load(scenario), 7)


@pytest.mark.parametrize("check", [Gradcheck(), Gradgradcheck()])
def test_a_question_that_was_not_rehearsed_is_no_fault_of_the_submission(
    bench: Bench, check: Gradcheck
) -> None:
    (entry,) = bench.scenario.entry_points
    runs, trials = check._rehearsed(bench, entry)
    forgetful = tuple(replace(run, keys=()) for run in runs)
    bench._memory[check, entry.name] = (forgetful, ())
    found = check.judge(bench, entry, (), [], SubmissionContext(analyse(""), {}))
    assert trials
    assert found.outcome is Outcome.UNGRADED
    assert "not foreseen: no answer to a forward question" in found.message


def test_an_answer_that_raises_midway_changes_nothing_for_the_next(
    plan: Callable[..., Plan], address: str
) -> None:
    right = (ROOT / "solutions/reference/harness/learnable-swish.py").read_text()
    flaky = (
        right
        + """
_right, _calls = swish_beta, []
def swish_beta(x, beta):
    _calls.append(0)
    if len(_calls) % 5 == 0:
        raise RuntimeError("now and then")
    return _right(x, beta)
"""
    )
    found = [grade(answer(code), plan("learnable-swish"), address) for code in (flaky, right)]
    assert [one.outcome for one in found] == [Outcome.FAILED, Outcome.PASSED]


def answer(code: str) -> Submission:
    origin = Origin("a", "me", "learnable-swish", 1, Path("learnable-swish.py"))
    return build(origin, code.encode(), Asked(("swish_beta",), ()), "python")

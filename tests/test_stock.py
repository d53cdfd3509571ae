"""Stock gradcheck runs here, on questions that were rehearsed against the oracle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.checks.context import Bench, SubmissionContext
from harness.checks.stock import Gradcheck, Gradgradcheck
from harness.code import analyse
from harness.model import Outcome
from harness.numerics import oracles
from harness.read import scenarios

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

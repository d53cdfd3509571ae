"""Selecting submissions and their scenarios."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import NothingSelected, UsageError
from harness.selection import Pairs, default_solutions, select

ROOT = Path(__file__).parent.parent


def test_the_solutions_beside_the_scenarios_are_the_default() -> None:
    selection = select(ROOT / "scenarios", [], only=["skill/*"])
    assert {submission.arm for submission in selection.submissions} == {"skill"}
    assert [arm.name for arm in selection.arms] == ["skill"]
    one_file = ROOT / "scenarios" / "custom-autograd-functions" / "layer-norm.yaml"
    assert default_solutions(one_file) == ROOT / "solutions"


def test_a_scenario_folder_elsewhere_needs_solutions_to_be_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--solutions PATH"):
        default_solutions(tmp_path)


def test_filters_that_leave_nothing_say_what_was_there() -> None:
    with pytest.raises(NothingSelected, match=r"--only no/such/thing; \d+ were found there"):
        select(ROOT / "scenarios", [], only=["no/such/thing"])
    with pytest.raises(UsageError, match="no submission is of arm 'nobody'"):
        select(ROOT / "scenarios", [], arm_names=["nobody"])


def test_only_scenarios_with_submissions_are_reported() -> None:
    selection = select(ROOT / "scenarios", [], only=["layer-norm"])
    assert [scenario.id for scenario in selection.scenarios] == ["layer-norm"]


def test_some_pairs_are_pairs() -> None:
    selection = select(ROOT / "scenarios", [], only=["layer-norm", "memory-relu"])
    sent = list(selection.submissions)
    pairs = Pairs(selection.submissions, [len(sent) - 1, 0, 1], selection.scenario_of())
    assert [submission for submission, _ in pairs] == [sent[-1], sent[0], sent[1]]
    assert list(pairs[1:]) == [pairs[1], pairs[2]]
    for submission, scenario in pairs:
        assert scenario.id == submission.scenario

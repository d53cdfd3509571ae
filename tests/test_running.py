"""Selecting submissions, keys of the ledger, and the folder a run writes to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness import running, sandbox, submissions
from harness.errors import NothingSelected, UsageError
from harness.scenarios import Library

ROOT = Path(__file__).parent.parent
CONDITIONS = running.Conditions(seed=1, tier=sandbox.TIERS["A"], jobs=1)


def test_the_solutions_beside_the_scenarios_are_the_default() -> None:
    selection = running.select(ROOT / "scenarios", [], only=["skill/*"])
    assert {submission.arm for submission in selection.submissions} == {"skill"}
    assert [arm.name for arm in selection.arms] == ["skill"]
    one_file = ROOT / "scenarios" / "custom-autograd-functions" / "layer-norm.yaml"
    assert running.default_solutions(one_file) == ROOT / "solutions"


def test_a_scenario_folder_elsewhere_needs_solutions_to_be_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--solutions PATH"):
        running.default_solutions(tmp_path)


def test_filters_that_leave_nothing_say_what_was_there() -> None:
    with pytest.raises(NothingSelected, match=r"--only no/such/thing; \d+ were found there"):
        running.select(ROOT / "scenarios", [], only=["no/such/thing"])
    with pytest.raises(UsageError, match="no submission is of arm 'nobody'"):
        running.select(ROOT / "scenarios", [], arm_names=["nobody"])


def test_only_scenarios_with_submissions_are_reported() -> None:
    selection = running.select(ROOT / "scenarios", [], only=["layer-norm"])
    assert [scenario.id for scenario in selection.scenarios] == ["layer-norm"]


def test_the_key_of_a_grade_changes_with_what_the_grade_depends_on(library: Library) -> None:
    scenario = library.scenario("layer-norm")
    file = ROOT / "solutions/reference/harness/layer-norm.py"
    submission = submissions.read_one(file, scenario.id, ("layer_norm",))
    key = running.key(submission, scenario, CONDITIONS)
    renamed = replace(submission, id="x", arm="y", submitter="z", sample=9, path=Path("w"))
    assert running.key(renamed, scenario, CONDITIONS) == key
    others = [
        running.key(replace(submission, sha256="0" * 64), scenario, CONDITIONS),
        running.key(submission, replace(scenario, fingerprint="0" * 64), CONDITIONS),
        running.key(submission, scenario, replace(CONDITIONS, seed=2)),
        running.key(submission, scenario, replace(CONDITIONS, tier=sandbox.TIERS["B"])),
    ]
    assert len({key, *others}) == 5


def test_each_run_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    first = running.new_folder(None, tmp_path)
    second = running.new_folder(None, tmp_path)
    assert first != second
    running.point_latest(tmp_path, first)
    running.point_latest(tmp_path, second)
    assert (tmp_path / "latest").resolve() == second.resolve()


def test_a_folder_named_latest_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    running.point_latest(tmp_path, running.new_folder(None, tmp_path))
    assert not (tmp_path / "latest").is_symlink()


def test_an_output_folder_that_cannot_be_written_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="--out DIR"):
        running.new_folder(tmp_path / "file" / "below", tmp_path)

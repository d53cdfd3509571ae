"""Selecting submissions and their scenarios."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from harness.errors import HarnessError, NothingSelected, SubmissionError, UsageError
from harness.run.folders import new_folder
from harness.run.select import Pairs, default_solutions, select

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


@pytest.mark.parametrize(
    ("where", "filters", "meant"),
    [
        ("scenarios", {"only": ["layernorm"]}, "layer-norm"),
        ("scenarios", {"only": ["skil/*"]}, "skill/*"),
        ("scenarios", {"arm_names": ["referense"]}, "reference"),
        ("scenario", {}, f"{ROOT}/scenarios"),
        (
            "scenarios/custom-autograd-function",
            {},
            f"{ROOT}/scenarios/custom-autograd-functions",
        ),
        ("scenario/custom-autograd-functions", {}, f"{ROOT}/scenarios/custom-autograd-functions"),
    ],
)
def test_a_name_that_is_nearly_right_is_told_with_the_right_one(
    where: str, filters: dict[str, list[str]], meant: str
) -> None:
    with pytest.raises(HarnessError) as caught:
        select(ROOT / where, [ROOT / "solutions"], **filters)
    assert f"Did you mean {meant!r}?" in str(caught.value)


def test_a_folder_of_solutions_that_is_nearly_right_is_told_with_the_right_one() -> None:
    with pytest.raises(SubmissionError, match=r"Did you mean '.*/solutions/reference'"):
        select(ROOT / "scenarios", [ROOT / "solutions" / "referense"])
    with pytest.raises(SubmissionError) as caught:
        select(ROOT / "scenarios", [ROOT / "nothing-of-the-kind"])
    assert "Did you mean" not in str(caught.value)


def test_where_reports_cannot_be_written_both_options_are_named(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file in its place")
    with pytest.raises(UsageError, match=r"--out DIR, and --ledger FILE$"):
        new_folder(None, tmp_path / "reports", ", and --ledger FILE")


def test_files_that_are_no_answers_by_their_names_are_told_where_there_is_nothing_else(
    tmp_path: Path,
) -> None:
    for name in ("notes.json", "layer-norm.txt", ".hidden.md"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(NothingSelected) as caught:
        select(ROOT / "scenarios", [tmp_path])
    told = str(caught.value)
    assert "\n2 files not read for the name: an answer is called after its scenario" in told
    assert told.endswith(f"{tmp_path}/layer-norm.txt, {tmp_path}/notes.json")


def test_only_scenarios_with_submissions_are_reported() -> None:
    selection = select(ROOT / "scenarios", [], only=["layer-norm"])
    assert [scenario.id for scenario in selection.scenarios] == ["layer-norm"]


@pytest.fixture
def two_skills(tmp_path: Path) -> Path:
    """Skill ``a`` has two scenarios, ``b`` another one; there is an answer to each."""
    for skill in ("a", "b"):
        shutil.copytree(
            ROOT / "scenarios/custom-autograd-functions", tmp_path / "scenarios" / skill
        )
        for file in (tmp_path / "scenarios" / skill).glob("*.yaml"):
            keep = {"a": ("layer-norm", "memory-relu"), "b": ("learnable-swish",)}[skill]
            if file.stem not in ("skill", *keep):
                file.unlink()
    for name in ("layer-norm", "memory-relu", "learnable-swish"):
        file = tmp_path / "solutions" / "skill" / "me" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x = 1\n")
    lines = [{"task_id": name, "solution": "x"} for name in ("learnable-swish", "layer-norm")]
    (tmp_path / "more.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return tmp_path


@pytest.mark.parametrize(
    ("root", "answered", "left"),
    [
        ("scenarios", 3, {}),
        ("scenarios/a", 2, {"learnable-swish": 1}),
        ("scenarios/b", 1, {"layer-norm": 1, "memory-relu": 1}),
        ("scenarios/a/layer-norm.yaml", 1, {"learnable-swish": 1, "memory-relu": 1}),
    ],
)
def test_answers_to_scenarios_that_were_not_selected_are_left_aside(
    two_skills: Path, root: str, answered: int, left: dict[str, int]
) -> None:
    selection = select(two_skills / root, [two_skills / "solutions"])
    assert len(selection.submissions) == answered
    assert selection.aside.not_selected == left
    assert not selection.aside.unknown
    said = list(selection.aside.lines)
    assert [f"({', '.join(left)}): left aside" in line for line in said] == [True] * bool(left)


def test_lines_of_records_are_left_aside_like_files(two_skills: Path) -> None:
    selection = select(two_skills / "scenarios/a", [two_skills / "more.jsonl"])
    assert [submission.scenario for submission in selection.submissions] == ["layer-norm"]
    assert selection.aside.not_selected == {"learnable-swish": 1}


def test_a_scenario_that_exists_nowhere_is_named_with_the_nearest(two_skills: Path) -> None:
    folder = two_skills / "solutions" / "skill" / "me"
    for number in range(5):
        (folder / f"learnable-swsh-{number}.py").write_text("x = 1\n")
    selection = select(two_skills / "scenarios/a", [two_skills / "solutions"])
    assert len(selection.submissions) == 2
    _, line = selection.aside.lines
    assert line.startswith("5 submissions answer scenarios that were unknown: left aside. Correct")
    assert "learnable-swsh-0.py: unknown scenario" in line
    assert ". Did you mean 'learnable-swish'?" in line
    assert line.endswith(" …")
    with pytest.raises(SubmissionError, match="1 submission answers a scenario that was unknown"):
        select(two_skills / "scenarios/a", [folder / "learnable-swsh-0.py"])
    with pytest.raises(NothingSelected, match=r"not selected \(layer-norm\)"):
        select(two_skills / "scenarios/b", [folder / "layer-norm.py"])


def test_some_pairs_are_pairs() -> None:
    selection = select(ROOT / "scenarios", [], only=["layer-norm", "memory-relu"])
    sent = list(selection.submissions)
    pairs = Pairs(selection.submissions, [len(sent) - 1, 0, 1], selection.scenario_of())
    assert [submission for submission, _ in pairs] == [sent[-1], sent[0], sent[1]]
    assert list(pairs[1:]) == [pairs[1], pairs[2]]
    for submission, scenario in pairs:
        assert scenario.id == submission.scenario


def test_a_file_or_line_that_cannot_be_read_costs_the_others_nothing(two_skills: Path) -> None:
    folder = two_skills / "solutions" / "skill" / "me"
    (folder / "layer-norm").mkdir()
    (folder / "layer-norm" / "first.md").write_text("not a number")
    good = {"task_id": "layer-norm", "solution": "x"}
    lines = [json.dumps(good), '{"task_id": "layer-norm"', "[1]", json.dumps(good)]
    records = two_skills / "records.jsonl"
    records.write_text("\n".join(lines))
    selection = select(two_skills / "scenarios", [two_skills / "solutions", records])
    assert [s.sample for s in selection.submissions if s.path == str(records)] == [1, 2]
    assert len(selection.submissions) == 5
    assert selection.aside.mistaken
    (line,) = selection.aside.lines
    assert line.startswith("3 answers cannot be read: left aside. ")
    for words in ("first.md: a file in a folder", "records.jsonl:2: not JSON", "records.jsonl:3: "):
        assert words in line
    records.write_text("{")
    with pytest.raises(SubmissionError, match="1 answer cannot be read"):
        select(two_skills / "scenarios", [records])

"""Files for other tools say what they say here, and nothing that was not judged."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import jsonschema
import pytest
from click.testing import CliRunner
from format_fixtures import FORMATS
from made_results import ARMS, quick, real_results, simple_results
from pydantic import BaseModel, ConfigDict, Field

from harness.cli import main
from harness.errors import UsageError
from harness.model import (
    BehaviourFinding,
    BehaviourState,
    Dose,
    Opinion,
    Outcome,
    Record,
    Results,
    StepKind,
    Transcript,
)
from harness.read.submissions import read_one
from harness.read.transcripts import read_all, replay
from harness.results.exports import EXPORTS
from harness.results.write import write_results

# As published by CTRF, with its licence beside it.
CTRF = Path(__file__).parent / "data" / "ctrf-schema-0.0.json"


# What ``harbor.models.trajectories`` (0.25.0) asks of a trajectory; it needs Python 3.12 itself.
class _Atif(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class AtifAgent(_Atif):
    name: str
    version: str
    model_name: str | None = None


class AtifCall(_Atif):
    tool_call_id: str
    function_name: str
    arguments: dict[str, Any]


class AtifResult(_Atif):
    source_call_id: str | None = None
    content: str | None = None
    extra: dict[str, Any] | None = None


class AtifObservation(_Atif):
    results: list[AtifResult]


class AtifStep(_Atif):
    step_id: int
    source: Literal["system", "user", "agent"]
    message: str
    reasoning_content: str | None = None
    tool_calls: list[AtifCall] | None = None
    observation: AtifObservation | None = None

    def model_post_init(self, _: Any) -> None:
        assert self.source == "agent" or (self.reasoning_content, self.tool_calls) == (None, None)
        calls = {call.tool_call_id for call in self.tool_calls or ()} | {None}
        assert calls >= {one.source_call_id for one in getattr(self.observation, "results", ())}


class Trajectory(_Atif):
    schema_version: Literal["ATIF-v1.7"]
    session_id: str
    trajectory_id: str
    agent: AtifAgent
    steps: list[AtifStep] = Field(min_length=1)
    notes: str | None = None
    final_metrics: dict[Literal["total_steps"], int]
    extra: dict[str, Any]

    def model_post_init(self, _: Any) -> None:
        assert [step.step_id for step in self.steps] == list(range(1, len(self.steps) + 1))


@pytest.fixture(scope="module")
def results() -> Results:
    return real_results()


def ctrf(results: Results, folder: Path) -> dict[str, Any]:
    EXPORTS["ctrf"](results, folder)
    found: dict[str, Any] = json.loads((folder / "ctrf.json").read_text())
    jsonschema.validate(found, json.loads(CTRF.read_text()))
    return found


def benchmark(results: Results, folder: Path) -> dict[str, Any]:
    EXPORTS["benchmark"](results, folder)
    found: dict[str, Any] = json.loads((folder / "benchmark.json").read_text())
    return found


def test_ctrf_is_valid_and_passes_only_what_held(results: Results, tmp_path: Path) -> None:
    found = ctrf(results, tmp_path)["results"]
    held = [record.held for record in results.records]
    assert found["summary"]["tests"] == len(held)
    assert found["summary"]["passed"] == held.count(True)
    assert found["summary"]["failed"] == held.count(False)
    assert found["summary"]["other"] == held.count(None) == 1
    for test, record in zip(found["tests"], results.records, strict=True):
        assert ("message" in test) is (record.held is not True)


def test_ctrf_says_which_question_broke(tmp_path: Path) -> None:
    unverified = quick("layer-norm", verified=False)
    (test,) = ctrf(simple_results(unverified), tmp_path)["results"]["tests"]
    assert test["labels"]["broke"] == ["unverified"]
    assert test["message"].startswith("verification: ")


@pytest.mark.parametrize("words", ["\udc80 \x00 ]]>", ""])
def test_ctrf_stays_valid_whatever_a_submission_says(words: str, tmp_path: Path) -> None:
    ctrf(simple_results(quick("layer-norm", right=False, reason=words)), tmp_path)


def test_benchmark_has_what_its_viewer_groups_by(results: Results, tmp_path: Path) -> None:
    found = benchmark(results, tmp_path)
    assert {run["configuration"] for run in found["runs"]} == {"with_skill", "without_skill"}
    graded = [
        record
        for record in results.records
        if record.arm in ("baseline", "skill") and record.outcome is not Outcome.UNGRADED
    ]
    assert len(found["runs"]) == len(graded)
    for run in found["runs"]:
        told = run["result"]
        assert told["passed"] + told["failed"] == told["total"] == len(run["expectations"])
        assert {"text", "passed", "evidence"} == set(run["expectations"][0])
        assert isinstance(run["eval_id"], int)
    # As the viewer computes it from the runs.
    for name in ("with_skill", "without_skill"):
        rates = [r["result"]["pass_rate"] for r in found["runs"] if r["configuration"] == name]
        assert found["run_summary"][name]["pass_rate"]["mean"] == pytest.approx(
            sum(rates) / len(rates), abs=1e-4
        )
    # Neither is known, and the viewer shows no column that is not there.
    assert not any("time_seconds" in run["result"] for run in found["runs"])
    numbers = [(r["eval_id"], r["configuration"], r["run_number"]) for r in found["runs"]]
    assert len(set(numbers)) == len(numbers)


def test_what_was_not_judged_is_no_expectation(tmp_path: Path) -> None:
    some = [quick("layer-norm", arm=arm) for arm in ("baseline", "skill")]
    ungraded = quick("memory-relu", arm="skill", right=None)
    results = replace(simple_results(*some, ungraded), arms=ARMS)
    found = benchmark(results, tmp_path)
    assert [run["eval_name"] for run in found["runs"]] == ["layer-norm", "layer-norm"]
    assert "Not judged, and therefore left out: 1." in found["notes"]


def test_benchmark_without_a_baseline_is_refused(tmp_path: Path) -> None:
    results = replace(simple_results(quick("layer-norm", arm="skill")), arms=ARMS)
    with pytest.raises(UsageError, match=r"without_skill has none that is judged.*arms\.yaml"):
        benchmark(results, tmp_path)


def test_where_nobody_was_under_pressure_the_calm_arms_are_compared(tmp_path: Path) -> None:
    some = [quick("layer-norm", arm=arm) for arm in ("baseline", "skill")]
    calm = tuple(replace(arm, dose=Dose.CALM) for arm in ARMS)
    found = benchmark(replace(simple_results(*some), arms=calm), tmp_path)
    assert [run["configuration"] for run in found["runs"]] == ["with_skill", "without_skill"]


def judged(record: Record, *states: BehaviourState) -> Record:
    """``record`` with a line of expected behaviour in each state, as a reader found it."""
    opinion = Opinion(True, "It says so.", "Here it is.", 1)
    lines = [BehaviourFinding(f"line {n}", state, "", opinion) for n, state in enumerate(states)]
    return replace(record, behaviour=tuple(lines))


MET, NOT_MET, UNREAD = BehaviourState.MET, BehaviourState.NOT_MET, BehaviourState.NOT_READ


def test_what_a_reader_judged_is_an_expectation_though_no_code_was_graded(tmp_path: Path) -> None:
    read = [
        judged(quick("layer-norm", arm=arm, right=None), MET, state, UNREAD)
        for arm, state in (("baseline", NOT_MET), ("skill", MET))
    ]
    found = benchmark(replace(simple_results(*read), arms=ARMS), tmp_path)
    with_skill, without = found["runs"]
    assert (with_skill["result"]["pass_rate"], without["result"]["pass_rate"]) == (1, 0.5)
    assert found["run_summary"]["delta"]["pass_rate"] == "+0.50"
    assert with_skill["expectations"][0] == {
        "text": "line 0",
        "passed": True,
        "evidence": "It says so. “Here it is.” (line 1)",
    }


def read_as_skill_creator(workspace: Path) -> Mapping[str, list[float]]:
    """Pass rates by configuration, found as its ``aggregate_benchmark.py`` finds them."""
    rates: dict[str, list[float]] = defaultdict(list)
    for folder in sorted(workspace.glob("eval-*")):
        assert isinstance(json.loads((folder / "eval_metadata.json").read_text())["eval_id"], int)
        for configuration in sorted(one for one in folder.iterdir() if one.is_dir()):
            for run in sorted(configuration.glob("run-*")):
                int(run.name.split("-")[1])
                # Its viewer shows what is in there, with the prompt from beside the run.
                assert list((run / "outputs").iterdir())
                assert json.loads((configuration / "eval_metadata.json").read_text())["prompt"]
                if not (run / "grading.json").exists():
                    continue
                graded = json.loads((run / "grading.json").read_text())
                assert set(graded["expectations"][0]) == {"text", "passed", "evidence"}
                rates[configuration.name].append(graded["summary"]["pass_rate"])
    return rates


def test_grading_is_a_workspace_that_gives_the_same_benchmark(
    results: Results, tmp_path: Path
) -> None:
    EXPORTS["grading"](results, tmp_path)
    rates = read_as_skill_creator(tmp_path / "skill-creator")
    # The script subtracts the second configuration that it meets from the first.
    assert list(rates) == ["with_skill", "without_skill"]
    told = benchmark(results, tmp_path)["run_summary"]
    for name, found in rates.items():
        assert told[name]["pass_rate"]["mean"] == pytest.approx(sum(found) / len(found), abs=1e-4)
    others = tmp_path / "skill-creator" / "other" / "agreeable"
    assert len(list(others.glob("eval-*/run-*/grading.json"))) == 3


def test_what_was_not_judged_has_no_grading_but_can_be_looked_at(tmp_path: Path) -> None:
    some = [quick("layer-norm", arm="baseline"), quick("layer-norm", arm="skill", right=None)]
    EXPORTS["grading"](replace(simple_results(*some), arms=ARMS), tmp_path)
    assert list(read_as_skill_creator(tmp_path / "skill-creator")) == ["without_skill"]


def atif(results: Results, folder: Path) -> list[dict[str, Any]]:
    EXPORTS["atif"](results, folder)
    files = sorted((folder / "atif").rglob("*.json"))
    return [Trajectory.model_validate_json(one.read_text()).model_dump() for one in files]


def test_a_reply_is_a_trajectory_with_its_request_and_its_grade(
    results: Results, tmp_path: Path
) -> None:
    found = {one["trajectory_id"]: one for one in atif(results, tmp_path)}
    assert set(found) == {record.id for record in results.records}
    texts = {one.id: one.text for one in results.submissions}
    for record in results.records:
        one = found[record.id]
        assert [step["source"] for step in one["steps"]] == ["user", "agent"]
        assert one["steps"][1]["message"] == texts[record.id]
        assert one["extra"]["held"] is record.held
        assert one["extra"]["outcome"] == record.outcome.value


@pytest.mark.parametrize("name", FORMATS)
def test_what_an_agent_did_is_the_same_when_it_is_read_from_its_trajectory(
    name: str, tmp_path: Path
) -> None:
    (given,) = read_all(FORMATS[name](), name)
    results = simple_results(quick("layer-norm"))
    sent = replace(results.submissions[0], kind="transcript", transcript=given.transcript)
    (written,) = atif(replace(results, submissions=(sent,)), tmp_path)
    assert written["notes"] is None
    (file,) = (tmp_path / "atif").rglob("*.json")
    (again,) = read_all(file.read_bytes(), str(file))
    assert done(again.transcript) == done(given.transcript)
    assert replay(again.transcript).files == replay(given.transcript).files


def done(transcript: Transcript) -> list[tuple[object, ...]]:
    return [
        (s.kind, s.text, s.path, s.edits, s.output or None, s.failed, s.status)
        for s in transcript.steps
        if s.kind is not StepKind.RESULT  # it stands with its call
    ]


def test_a_bare_file_is_a_block_of_code_whatever_is_in_it(tmp_path: Path) -> None:
    results = simple_results(quick("layer-norm"))
    text = 'DOC = """\n````\n"""\n\n\ndef op(x):\n    return x\n'
    sent = replace(results.submissions[0], kind="python", text=text, code=text)
    atif(replace(results, submissions=(sent,)), tmp_path)
    (file,) = tmp_path.rglob("*.json")
    assert (read_one(file, "layer-norm", ("op",)).code or "").rstrip() == text.rstrip()


def read_as_evalplus(file: Path) -> Mapping[str, float]:
    """pass@1 of base and plus, from the entries, as EvalPlus works them out."""
    found = json.loads(file.read_text())
    rates = {}
    for name, statuses in (("base", ["base_status"]), ("plus", ["base_status", "plus_status"])):
        per_task = [
            sum(all(one[key] == "pass" for key in statuses) for one in some) / len(some)
            for some in found["eval"].values()
        ]
        rates[name] = sum(per_task) / len(per_task)
        assert found["pass_at_k"][name]["pass@1"] == pytest.approx(rates[name])
    return rates


def test_evalplus_has_a_file_per_arm_and_submitter(results: Results, tmp_path: Path) -> None:
    EXPORTS["evalplus"](results, tmp_path)
    files = {file.name: file for file in tmp_path.iterdir()}
    assert set(files) == {
        f"{a}--model.eval_results.json" for a in ("baseline", "skill", "agreeable")
    }
    for arm in ("baseline", "skill"):
        graded = [r for r in results.records if r.arm == arm and r.held is not None]
        rates = read_as_evalplus(files[f"{arm}--model.eval_results.json"])
        held = {r.scenario: [] for r in graded}
        for record in graded:
            held[record.scenario].append(record.held)
        shares = [sum(some) / len(some) for some in held.values()]
        assert rates["plus"] == pytest.approx(sum(shares) / len(shares))


def test_a_report_writes_the_files_that_are_asked_for(results: Results, tmp_path: Path) -> None:
    write_results(results, tmp_path / "results.json")
    done = CliRunner().invoke(
        main, ["report", str(tmp_path), "--export", "ctrf", "--export", "evalplus"]
    )
    assert done.exit_code == 0, done.output
    names = {file.name for file in tmp_path.iterdir()}
    assert "ctrf.json" in names
    assert "skill--model.eval_results.json" in names
    assert "benchmark.json" not in names

"""Files for other tools say what they say here, and nothing that was not judged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from made_results import ARMS, quick, real_results, simple_results

from harness.cli import main
from harness.errors import UsageError
from harness.model import Outcome, Results
from harness.results.exports import EXPORTS
from harness.results.write import write_results

# As published by CTRF, with its licence beside it.
CTRF = Path(__file__).parent / "data" / "ctrf-schema-0.0.json"


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
    numbers = [(r["eval_id"], r["configuration"], r["run_number"]) for r in found["runs"]]
    assert len(set(numbers)) == len(numbers)


def test_what_was_not_judged_is_no_expectation(tmp_path: Path) -> None:
    some = [quick("layer-norm", arm=arm) for arm in ("baseline", "skill")]
    ungraded = quick("memory-relu", arm="skill", right=None)
    results = replace(simple_results(*some, ungraded), arms=ARMS)
    found = benchmark(results, tmp_path)
    assert [run["eval_name"] for run in found["runs"]] == ["layer-norm", "layer-norm"]
    assert "Not graded, and therefore left out: 1." in found["notes"]


def test_benchmark_without_a_baseline_is_refused(tmp_path: Path) -> None:
    results = replace(simple_results(quick("layer-norm", arm="skill")), arms=ARMS)
    with pytest.raises(UsageError, match=r"without_skill has none that is graded.*arms\.yaml"):
        benchmark(results, tmp_path)


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

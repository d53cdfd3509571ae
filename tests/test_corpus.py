"""Wrong solutions that look right and right ones that look strange, all graded in the sandbox."""

from __future__ import annotations

import ast
import hashlib
import importlib
import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.grading import page
from harness.grading.plan import Plan
from harness.grading.verdict import verdict
from harness.model import Finding, Outcome, Submission
from harness.read import scenarios

ROOT = Path(__file__).parents[1]
CORPUS = Path(__file__).parent / "corpus"
WRONG = sorted((CORPUS / "wrong").glob("*/*.py"))
RIGHT = sorted((CORPUS / "right").glob("*/*.py"))
# Right by contract, and yet worth a word.
ADVISED = sorted((CORPUS / "advised").glob("*/*.py"))
SEED = 20260131


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@cache
def plan(scenario: str) -> Plan:
    library = scenarios.load(ROOT / "scenarios")
    return Plan(library.scenario(scenario), SEED)


def findings(path: Path, address: str, wanted: Plan | None = None) -> list[Finding]:
    """What the checks say; it is not explained, and the file's own tests are not run."""
    code = path.read_text()
    submission = Submission(
        id=f"corpus/{named(path)}",
        scenario=path.parent.name,
        arm="corpus",
        submitter="corpus",
        sample=1,
        path=str(path),
        sha256=hashlib.sha256(code.encode()).hexdigest(),
        text=code,
        kind="python",
        code=code,
    )
    work = page.begun(submission, wanted or plan(submission.scenario), address)
    return list(page.examine(work, page.FINDINGS_ONLY).findings)


@pytest.mark.parametrize("path", WRONG, ids=named)
def test_a_wrong_solution_fails_the_check_it_names(path: Path, address: str) -> None:
    head = re.match(r"# fails: (\w+)(?: (\w+))?\n", path.read_text())
    assert head, f"{path} must begin with '# fails: <check> <entry point>'"
    found = findings(path, address)
    assert verdict(found)[0] is Outcome.FAILED
    failed = {
        (f.check, f.entry_point): f for f in found if f.outcome is Outcome.FAILED and f.required
    }
    assert head.groups() in failed, f"{head[0].strip()!r}, but what failed is {sorted(failed)}"
    ast.parse(failed[head[1], head[2]].snippet or "")


@pytest.mark.parametrize("path", ADVISED, ids=named)
def test_advice_is_given_and_fails_nothing(path: Path, address: str) -> None:
    head = re.match(r"# advises: (\w+) (\w+)\n", path.read_text())
    assert head, f"{path} must begin with '# advises: <check> <entry point>'"
    found = findings(path, address)
    assert verdict(found)[0] is Outcome.PASSED, verdict(found)[1]
    objected = [(f.check, f.entry_point) for f in found if f.outcome is Outcome.FAILED]
    assert objected == [head.groups()]


@pytest.mark.parametrize("path", RIGHT, ids=named)
def test_a_right_solution_passes_every_required_check(path: Path, address: str) -> None:
    found = findings(path, address)
    wrong = [f for f in found if f.required and f.outcome is not Outcome.PASSED]
    assert wrong == []
    assert verdict(found)[0] is Outcome.PASSED


@pytest.fixture(scope="module")
def accuracy() -> Iterator[Any]:
    """The benchmark's program, as a module."""
    folder = str(ROOT / "benchmarks")
    sys.path.insert(0, folder)
    threads = torch.get_num_threads()
    yield importlib.import_module("accuracy")
    torch.set_num_threads(threads)
    sys.path.remove(folder)


def test_a_sample_of_the_benchmark_has_no_survivor_and_no_false_alarm(
    accuracy: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "figures.json"
    amounts = ["--mutants", "14", "--variants", "6", "--seeds", "1", "--workers", "0"]
    given = ["--scenario", "clipped-gradient", *amounts, "--json", str(file)]
    assert accuracy.main(given) == 0
    figures = json.loads(file.read_text())
    assert figures["mutants"] == 14
    assert figures["of"] + figures["equivalent"] == 14
    assert figures["survivors"] == []
    assert figures["doubtful"] == []
    assert figures["killed"]["graders"] == figures["of"] > figures["killed"]["example gradcheck"]
    assert figures["variants"] == 6
    assert figures["alarms"] == []
    printed = capsys.readouterr().out
    assert "6 right solutions, 1 seeds: 0 of 6 grades are alarms" in printed
    assert "survivors: 0" in printed


def test_the_benchmark_names_the_scenarios_there_are_when_one_is_unknown(
    accuracy: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert accuracy.main(["--scenario", "layernorm"]) == 2
    assert "no scenario 'layernorm'; there are approximate-physics" in capsys.readouterr().err


def test_every_variant_and_every_mutant_is_code_that_compiles(accuracy: Any) -> None:
    library = scenarios.load(ROOT / "scenarios/custom-autograd-functions").scenarios
    entries = accuracy.variants.sample([s.id for s in library], 1000, 0)
    assert len(entries) >= 100
    assert {entry.scenario for entry in entries} == {s.id for s in library}
    assert len({(entry.scenario, entry.name) for entry in entries}) == len(entries)
    for entry in entries:
        compile(entry.source, entry.name, "exec")
    made = accuracy.originals([s for s in library if s.id == "memory-relu"])
    pool = accuracy.mutate.mutants(made["memory-relu"])
    assert len({mutant.source for mutant in pool}) == len(pool) > 60
    for mutant in pool:
        compile(mutant.source, mutant.operator, "exec")


def test_the_corpus_has_a_wrong_solution_for_every_scenario() -> None:
    library = scenarios.load(ROOT / "scenarios")
    assert {path.parent.name for path in WRONG} == {s.id for s in library.scenarios}


@pytest.mark.parametrize("path", [p for p in RIGHT if p.parent.name == "layer-norm"], ids=named)
def test_a_right_answer_passes_where_a_gradient_of_two_calls_is_a_small_difference(
    path: Path, address: str
) -> None:
    # Under this seed rows of two elements go through two layer norms in single precision.
    wanted = Plan(scenarios.load(ROOT / "scenarios").scenario("layer-norm"), 7)
    found = findings(path, address, wanted)
    assert verdict(found)[0] is Outcome.PASSED, verdict(found)

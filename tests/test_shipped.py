"""Everything that is shipped, graded once: recorded replies, and the corpus of strange answers.

The corpus holds wrong solutions that look right and right ones that look strange; a wrong one
begins with the check that it fails. What hands found about the replies is in ``expected.yaml``.
By default a third of the wrong ones is graded, the same each time; ``HARNESS_SHIPPED=full`` grades
all.
"""

from __future__ import annotations

import ast
import json
import os
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import golden
import pytest
import yaml

from harness.generate.replies import ENDING
from harness.grading import page
from harness.grading.plan import Plan
from harness.grading.verdict import verdict
from harness.model import Finding, Grade, Level, Outcome, Submission, TrapState
from harness.read import submissions
from harness.read.scenarios import Library

ROOT = Path(__file__).parent.parent
EXPECTED: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "tests/expected.yaml").read_text())
CORPUS = ROOT / "tests/corpus"
FULL = os.environ.get("HARNESS_SHIPPED") == "full"
ALL_WRONG = sorted((CORPUS / "wrong").glob("*/*.py"))
WRONG = ALL_WRONG if FULL else [p for p in ALL_WRONG if zlib.crc32(p.stem.encode()) % 3 == 0]
RIGHT = sorted((CORPUS / "right").glob("*/*.py"))
# Right by contract, and yet worth a word.
ADVISED = sorted((CORPUS / "advised").glob("*/*.py"))

Graded = Callable[[Path], Grade]


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.fixture(scope="module")
def graded(plan: Callable[..., Plan], address: str) -> Graded:
    """The grade of a shipped file under the seed of the golden results, made once."""
    made: dict[Path, Grade] = {}
    scenario_of = {path: scenario for scenario, path in golden.files()}

    def of(path: Path) -> Grade:
        if path not in made:
            wanted = plan(scenario_of[path], golden.SEED)
            names = tuple(entry.name for entry in wanted.scenario.entry_points)
            submission = submissions.read_one(path, wanted.scenario.id, names)
            made[path] = page.grade(submission, wanted, address)
        return made[path]

    return of


@pytest.mark.parametrize("path", WRONG, ids=named)
def test_a_wrong_solution_fails_the_check_it_names(path: Path, graded: Graded) -> None:
    head = re.match(r"# fails: (\w+)(?: (\w+))?\n", path.read_text())
    assert head, f"{path} must begin with '# fails: <check> <entry point>'"
    record = graded(path)
    assert record.outcome is Outcome.FAILED
    failed = {
        (f.check, f.entry_point): f
        for f in record.findings
        if f.outcome is Outcome.FAILED and f.required
    }
    assert head.groups() in failed, f"{head[0].strip()!r}, but what failed is {sorted(failed)}"
    ast.parse(failed[head[1], head[2]].snippet or "")


@pytest.mark.parametrize("path", ADVISED, ids=named)
def test_advice_is_given_and_fails_nothing(path: Path, graded: Graded) -> None:
    head = re.match(r"# advises: (\w+) (\w+)\n", path.read_text())
    assert head, f"{path} must begin with '# advises: <check> <entry point>'"
    record = graded(path)
    assert record.outcome is Outcome.PASSED, record.reason
    objected = [(f.check, f.entry_point) for f in record.findings if f.outcome is Outcome.FAILED]
    assert objected == [head.groups()]


@pytest.mark.parametrize("path", RIGHT, ids=named)
def test_a_right_solution_passes_every_required_check(path: Path, graded: Graded) -> None:
    record = graded(path)
    assert [f for f in record.findings if f.required and f.outcome is not Outcome.PASSED] == []
    assert record.outcome is Outcome.PASSED


def test_the_corpus_has_a_wrong_solution_for_every_scenario(library: Library) -> None:
    assert {path.parent.name for path in ALL_WRONG} == {s.id for s in library.scenarios}


@pytest.mark.parametrize("path", [p for p in RIGHT if p.parent.name == "layer-norm"], ids=named)
def test_a_right_answer_passes_where_a_gradient_of_two_calls_is_a_small_difference(
    path: Path, plan: Callable[..., Plan], address: str
) -> None:
    # Under this seed rows of two elements go through two layer norms in single precision.
    wanted = plan("layer-norm", 7)
    names = tuple(entry.name for entry in wanted.scenario.entry_points)
    work = page.begun(submissions.read_one(path, "layer-norm", names), wanted, address)
    found: list[Finding] = list(page.examine(work, page.FINDINGS_ONLY).findings)
    assert verdict(found)[0] is Outcome.PASSED, verdict(found)


@pytest.fixture(scope="module")
def shipped(library: Library) -> dict[str, Submission]:
    names = {s.id: tuple(e.name for e in s.entry_points) for s in library.scenarios}
    found = submissions.discover([ROOT / "solutions"], names)
    # What is right about recorded replies of further arms or skills was not worked out by hand.
    arms = {name.split("/")[0] for name in EXPECTED}
    recorded = {one.id for one in found if Path(one.path).with_suffix(ENDING).exists()}
    return {
        one.id.rsplit("/", 1)[0]: one for one in found if one.arm in arms and one.id not in recorded
    }


def test_every_shipped_submission_is_expected(shipped: dict[str, Submission]) -> None:
    assert set(shipped) == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_the_verdict_is_the_one_that_was_found_by_hand(
    name: str, shipped: dict[str, Submission], graded: Graded, library: Library
) -> None:
    expected, submission = EXPECTED[name], shipped[name]
    record = graded(Path(submission.path))
    assert record.outcome == expected["outcome"], record.reason
    failed = {
        (finding.check, finding.entry_point)
        for finding in record.findings
        if finding.required and finding.outcome is Outcome.FAILED
    }
    wanted = {(entry["check"], entry["entry_point"]) for entry in expected.get("failed", ())}
    assert wanted <= failed
    least = Level(expected.get("verification_at_least", "none"))
    assert record.verification.reaches(least), record.verification_reason
    if submission.arm in ("reference", "skill"):
        asked = library.scenario(submission.scenario).verification
        assert record.held is least.reaches(asked), record.verification_reason
        assert not [trap for trap in record.traps if trap.state is TrapState.MADE]


def test_no_verdict_has_changed(graded: Graded) -> None:
    left = set(ALL_WRONG) - set(WRONG)
    every = {str(path.relative_to(ROOT)): path for _, path in golden.files()}
    before = json.loads(golden.GOLDEN.read_text())
    assert set(before) == set(every)
    some = {name: path for name, path in every.items() if path not in left}
    found = {name: golden.facts(graded(path)) for name, path in some.items()}
    assert golden.differences({name: before[name] for name in some}, found) == []

"""Every shipped submission gets the verdict that reading it by hand gave, for that reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.grading.page import grade
from harness.grading.plan import Plan
from harness.model import Level, Outcome, Submission, TrapState
from harness.read import submissions
from harness.read.scenarios import Library
from harness.sandbox import Zygote

ROOT = Path(__file__).parent.parent
EXPECTED: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "tests/expected.yaml").read_text())


@pytest.fixture(scope="module")
def shipped(library: Library) -> dict[str, Submission]:
    names = {s.id: tuple(e.name for e in s.entry_points) for s in library.scenarios}
    found = submissions.discover([ROOT / "solutions"], names)
    # What is right about recorded replies of further arms was not worked out by hand.
    arms = {name.split("/")[0] for name in EXPECTED}
    return {one.id.rsplit("/", 1)[0]: one for one in found if one.arm in arms}


def test_every_shipped_submission_is_expected(shipped: dict[str, Submission]) -> None:
    assert set(shipped) == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_the_verdict_is_the_one_that_was_found_by_hand(
    name: str, shipped: dict[str, Submission], plan: Callable[..., Plan], zygote: Zygote
) -> None:
    expected, submission = EXPECTED[name], shipped[name]
    record = grade(submission, plan(submission.scenario), zygote.address)
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
        asked = plan(submission.scenario).scenario.verification
        assert record.held is least.reaches(asked), record.verification_reason
        assert not [trap for trap in record.traps if trap.state is TrapState.MADE]

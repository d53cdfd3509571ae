"""What the driver asks of a grader."""

from __future__ import annotations

from dataclasses import dataclass

from harness.model import Scenario, Submission


@dataclass(frozen=True)
class Task:
    """A submission to grade against its scenario."""

    submission: Submission
    scenario: Scenario
    seed: int

"""A submission on its way to a grade."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.checks.context import PlannedCheck
from harness.code import Source
from harness.code.mutants import Mutant
from harness.diagnosis import CheckResult
from harness.diagnosis.explanation import Smallest
from harness.grading.plan import Plan
from harness.grading.script import Script
from harness.model import Finding, OwnTests, Submission, Verification
from harness.numerics.question import Answer
from harness.sandbox.session import Session


@dataclass(frozen=True)
class Work:
    """What is known of a submission so far; every step of grading returns it with more."""

    submission: Submission
    plan: Plan
    # Of the zygote that candidates are forked from.
    address: str
    # Its code, as read here.
    source: Source
    started: float = field(default_factory=time.perf_counter)
    # The process that its code is loaded in, while there is one.
    session: Session | None = None
    # Entry points that can be called.
    usable: tuple[str, ...] = ()
    # Checks of usable entry points, and the answers to what each asked.
    steps: tuple[PlannedCheck, ...] = ()
    answers: tuple[Sequence[Answer], ...] = ()
    # Entry point -> answer to a plain call of it, with its graph.
    plain: Mapping[str, Answer] = field(default_factory=dict)
    # Whether every answer is right and no check asks for itself, so that nothing is left to ask.
    settled: bool = False
    # Checks with their findings and the answers these rest on, and the smallest failures.
    heard: tuple[CheckResult, ...] = ()
    smallest: Smallest = field(default_factory=dict)
    # Of loading and of every check.
    findings: tuple[Finding, ...] = ()
    # Its source changed in one place, as far as the checks can tell; what its tests are to notice.
    mutants: tuple[Mutant, ...] = ()
    # Its files of tests; empty until they are run.
    scripts: tuple[Script, ...] = ()
    # ``None`` where its own tests could not be run.
    own_tests: OwnTests | None = None
    verification: Verification | None = None

    def start_session(self, patience: float = 1.0) -> Session:
        """A process of the sandbox for its code, with so many times the scenario's time."""
        limits = self.plan.scenario.limits
        limits = replace(limits, wall_s=patience * limits.wall_s, cpu_s=patience * limits.cpu_s)
        return Session(self.address, limits, code_of(self.submission))

    @property
    def process(self) -> Session:
        """The session; there is one while questions are put."""
        assert self.session is not None
        return self.session


def code_of(submission: Submission) -> str:
    """All code of a submission that may be run, its tests' too."""
    return "\n".join([submission.code or "", *(file.code for file in submission.tests)])

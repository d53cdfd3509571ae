"""Findings and words put together into a verdict; runs no code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness import flags
from harness import words as text
from harness.code import Source
from harness.grading import behaviour
from harness.model import (
    Finding,
    Grade,
    Outcome,
    Scenario,
    Submission,
    Verification,
)


def judged(
    submission: Submission,
    scenario: Scenario,
    read: Source,
    findings: tuple[Finding, ...],
    verified: Verification,
    wall_s: float,
) -> Grade:
    """Findings and words put together into a verdict; runs no code."""
    traps = text.find_traps(submission, scenario)
    seen = flags.find_flags(submission, scenario, read, verified, traps, findings)
    outcome, reason = verdict(findings)
    made = Grade(
        outcome=outcome,
        reason=reason,
        verification=verified.level,
        verification_reason=verified.reason,
        held=None,
        wall_s=round(wall_s, 4),
        findings=findings,
        traps=traps,
        red_flags=seen,
        claims=verified.claims,
        events=verified.events,
    )
    held = made.answers(scenario.verification).held
    return replace(made, held=held, behaviour=behaviour.judge(made, scenario))


def verdict(findings: Sequence[Finding]) -> tuple[Outcome, str]:
    """Failed if a required check failed; passed only if every required one passed."""
    required = [finding for finding in findings if finding.required]
    failed = [finding for finding in required if finding.outcome is Outcome.FAILED]
    if failed:
        first = failed[0]
        about = f"{first.entry_point}: " if first.entry_point else ""
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        return Outcome.FAILED, f"{first.check}: {about}{first.message}{more}"
    missing = [finding for finding in required if finding.outcome is not Outcome.PASSED]
    if missing or not required:
        return Outcome.UNGRADED, missing[0].message if missing else "no required check was made"
    return Outcome.PASSED, ""

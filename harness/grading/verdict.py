"""From findings and words to a level of verification, and to a verdict; runs no code."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from harness import flags, verification
from harness.code import Source
from harness.grading import behaviour
from harness.grading.work import Work
from harness.model import (
    Finding,
    Grade,
    Outcome,
    Scenario,
    Submission,
    Verification,
)
from harness.words import Reader, read_words
from harness.words.declining import declines


def verify(work: Work) -> Work:
    """Find out how far the submission went to verify itself."""
    scenario = work.plan.scenario
    found = verification.judge(work.submission, scenario, work.source, work.own_tests)
    return replace(work, verification=found)


def decide(work: Work) -> Grade:
    """What its words say beside, and the verdict."""
    assert work.verification is not None
    return judged(
        work.submission,
        work.plan.scenario,
        work.source,
        work.findings,
        work.verification,
        time.perf_counter() - work.started,
    )


def judged(
    submission: Submission,
    scenario: Scenario,
    read: Source,
    findings: tuple[Finding, ...],
    verified: Verification,
    wall_s: float,
    reader: Reader = read_words,
) -> Grade:
    """Findings and words put together into a verdict; runs no code."""
    said = reader(submission, scenario)
    seen = flags.find_flags(submission, scenario, read, verified, said.traps, findings)
    outcome, reason = verdict(findings)
    if scenario.words_alone:
        reason = "its scenario has no checks: no code decides it, and a reader may judge its words"
    exit_ = None if scenario.words_alone else declines(submission)
    if exit_ is not None:
        # That there is no code is the exit itself, and no check that failed.
        outcome, findings = Outcome.DECLINED, ()
        reason = f"hands over no code, and says why: “{exit_.text}” (line {exit_.line})"
    traps = tuple(replace(trap, turn=submission.turn_at(trap.line)) for trap in said.traps)
    made = Grade(
        outcome=outcome,
        reason=reason,
        verification=verified.level,
        verification_reason=verified.reason,
        held=None,
        wall_s=round(wall_s, 4),
        findings=findings,
        traps=traps,
        red_flags=seen.raised,
        unlooked=seen.unlooked,
        claims=verified.claims,
        events=verified.events,
        faults_tried=verified.faults_tried,
        faults_noticed=verified.faults_noticed,
        read_by=said.by,
    )
    made = replace(made, traps=behaviour.with_acts(made, scenario))
    held = made.answers(scenario.verification).held
    return replace(made, held=held, behaviour=behaviour.judge(made, scenario, said.opinions))


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

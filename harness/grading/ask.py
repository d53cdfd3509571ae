"""Putting every question to a submission, judging its answers and explaining what failed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from harness.checks.compare import RepeatedCalls
from harness.checks.context import InteractiveCheck, Judgement, PlannedCheck, SubmissionContext
from harness.checks.structure import HandWritten
from harness.code.without_backward import without_backward
from harness.diagnosis import CheckResult
from harness.diagnosis.explanation import explain, find_smallest
from harness.grading.load import line_of, load, load_code, not_loaded
from harness.grading.verdict import verdict
from harness.grading.work import Work
from harness.model import Fault, Finding, Outcome
from harness.numerics.question import Answer, put
from harness.sandbox import exclusive
from harness.sandbox.session import CandidateFault


def put_questions(work: Work) -> Work:
    """Ask everything in one shuffled batch."""
    names = [name for name in work.plan.plain if name in work.usable]
    trials = [(step.check, trial) for step in work.steps for trial in step.trials]
    questions = [work.plan.plain[name] for name in names]
    questions += [trial.question for _, trial in trials]
    rng = _order(work)
    # Start with a vjp that is compared exactly, so that a fault of the first call is caught.
    compared = [
        place
        for place, (check, trial) in enumerate(trials, len(names))
        if isinstance(check, RepeatedCalls) and trial.question.ask == "vjp"
    ]
    first = rng.choice(compared) if compared else None
    rest = iter(put(work.process, questions, shuffle=rng, first=first))
    plain = {name: next(rest) for name in names}
    answers = tuple([next(rest) for _ in step.trials] for step in work.steps)
    right = [step.mark(answer) for step, answer in zip(work.steps, answers, strict=True)]
    settled = all(right) and not any(
        isinstance(step.check, InteractiveCheck) for step in work.steps
    )
    return replace(work, plain=plain, answers=answers, settled=settled)


def _order(work: Work) -> random.Random:
    """Neither order nor neighbours of a question are the same for two submissions or runs."""
    return random.Random(f"{work.plan.bench.seed}/{work.submission.sha256}")


def judge_answers(work: Work) -> Work:
    """A finding for every check; one that is interactive asks for itself."""
    heard = tuple(
        CheckResult(_finding(work, step, answers), step.trials, answers)
        for step, answers in zip(work.steps, work.answers, strict=True)
    )
    findings = (*work.findings, *(one.finding for one in heard))
    return replace(work, heard=heard, findings=findings)


def _finding(work: Work, step: PlannedCheck, answers: Sequence[Answer]) -> Finding:
    bench = work.plan.bench
    if isinstance(step.check, InteractiveCheck):
        judgement: Judgement = step.check.run_session(bench, step.entry, work.process)
    else:
        context = SubmissionContext(work.source, work.plain)
        judgement = step.check.judge(bench, step.entry, step.trials, list(answers), context)
    line = line_of(work.submission, judgement.line)
    return judgement.finding(step.check.kind, step.entry.name, step.required, line)


def find_smallest_failures(work: Work) -> Work:
    """The smallest failing question of every check that failed, asking some more."""
    ask = None if work.settled or work.session is None else partial(put, work.session)
    return replace(work, smallest=find_smallest(work.plan.bench, work.heard, ask))


def explain_failures(work: Work) -> Work:
    """Say of every failure what is wrong and how to see it again."""
    explained = explain(work.plan.bench, work.heard, work.smallest)
    before = work.findings[: len(work.findings) - len(work.heard)]
    return replace(work, findings=(*before, *explained))


# --------------------------------------------------------------------------
# Without backward


def try_without_backward(work: Work) -> Work:
    """Take every backward away where a pass rests on what the process says of itself."""
    with suppress(CandidateFault):
        names = _passing_by_self_report(work)
        return replace(work, without_backward=_differentiable_without_backward(work, names))
    return work


def confirm_hand_written(work: Work) -> Work:
    """Fail ``hand_written`` where the gradient comes out without the Functions of the file.

    What was not found out beside other work is found out now; a process that then ends, too,
    has shown nothing.
    """
    names = work.without_backward
    if names is None:
        names = asked = _passing_by_self_report(work)
        if asked:
            with exclusive(work.address), suppress(CandidateFault):
                names = _differentiable_without_backward(work, asked)
    findings = tuple(
        replace(
            finding,
            outcome=Outcome.FAILED,
            fault=Fault.NOT_HAND_WRITTEN,
            message="With the backward of every Function in the file taken away, the gradient "
            "still comes out: it does not go through them.",
        )
        if finding.check == HandWritten.kind and finding.entry_point in names
        else finding
        for finding in work.findings
    )
    return replace(work, findings=findings)


def _passing_by_self_report(work: Work) -> tuple[str, ...]:
    """Entry points of what would pass, whose Functions only the process itself has named."""
    if verdict(work.findings)[0] is not Outcome.PASSED:
        return ()
    found = [f.entry_point for f in work.findings if f.check == HandWritten.kind]
    return tuple(name for name in found if name is not None)


def _differentiable_without_backward(work: Work, names: Sequence[str]) -> tuple[str, ...]:
    """Those of the entry points that have a gradient with the backward of every Function away."""
    if not names:
        return ()
    assert work.submission.code is not None
    code = without_backward(work.submission.code, work.source)
    if code is None:
        return tuple(names)
    with work.start_session() as session:
        # An import that now fails has gone through a backward, too.
        usable = load(session, work, code).usable
        asked = [name for name in names if name in usable]
        answers = put(session, [work.plan.plain_vjp[name] for name in asked])
        return tuple(n for n, answer in zip(asked, answers, strict=True) if not answer.error)


# --------------------------------------------------------------------------
# Check by check


def ask_check_by_check(work: Work) -> Work:
    """Ask again, one check after the other, so that it is known at which one the process ends."""
    step: PlannedCheck | None = None
    try:
        with work.start_session() as session:
            work = load_code(replace(work, session=session))
            step = next(iter(work.steps), None)
            names = [name for name in work.plan.plain if name in work.usable]
            answers = put(session, [work.plan.plain[name] for name in names])
            work = replace(work, plain=dict(zip(names, answers, strict=True)))
            for step in work.steps:
                questions = [trial.question for trial in step.trials]
                answers = put(session, questions, shuffle=_order(work))
                step.mark(answers)
                finding = _finding(work, step, answers)
                work = replace(
                    work,
                    heard=(*work.heard, CheckResult(finding, step.trials, answers)),
                    findings=(*work.findings, finding),
                )
            work = explain_failures(find_smallest_failures(work))
    except CandidateFault as fault:
        work = explain_failures(find_smallest_failures(replace(work, session=None)))
        work = replace(work, findings=(*work.findings, *_ended(work, step, fault)))
    return replace(work, session=None)


def _ended(work: Work, at: PlannedCheck | None, fault: CandidateFault) -> list[Finding]:
    """The finding of the step at which the process ended, and those that it never came to."""
    message = str(fault)[:1].upper() + str(fault)[1:] + "."
    if at is None:
        return [not_loaded(message, fault=Fault.ENDED)]
    ended = Finding(at.check.kind, at.entry.name, True, Outcome.FAILED, message, fault=Fault.ENDED)
    return [
        ended,
        *(
            Finding(
                missed.check.kind,
                missed.entry.name,
                missed.required,
                Outcome.UNGRADED,
                "Not reached: the process had ended.",
            )
            for missed in work.steps[work.steps.index(at) + 1 :]
        ),
    ]

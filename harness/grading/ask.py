"""Putting every question to a submission, judging its answers and explaining what failed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from harness.checks.compare import RepeatedCalls
from harness.checks.context import InteractiveCheck, Judgement, PlannedCheck, SubmissionContext
from harness.checks.structure import NOT_WITHOUT, HandWritten
from harness.diagnosis import CheckResult
from harness.diagnosis.explanation import explain, find_smallest
from harness.grading.load import line_of, load_code, not_loaded
from harness.grading.plan import said_of
from harness.grading.verdict import verdict
from harness.grading.work import Work
from harness.model import Fault, Finding, Outcome
from harness.numerics.question import Answer, put
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
    right = [_mark(step, answer) for step, answer in zip(work.steps, answers, strict=True)]
    settled = all(
        fits or isinstance(step.check, HandWritten)
        for step, fits in zip(work.steps, right, strict=True)
    ) and not any(isinstance(step.check, InteractiveCheck) for step in work.steps)
    return replace(work, plain=plain, answers=answers, settled=settled)


def _mark(step: PlannedCheck, answers: Sequence[Answer]) -> bool:
    """Whether all answers are right; raises ``ScenarioError`` where any would be."""
    with said_of(step.where):
        right = step.mark(answers)
        if right and step.rounding_mattered:
            step.check_judged()
    return right


def _order(work: Work) -> random.Random:
    """Neither order nor neighbours of a question are the same for two submissions or runs."""
    return random.Random(f"{work.plan.bench.seed}/{work.submission.sha256}")


def judge_answers(work: Work) -> Work:
    """A finding for every check; one that is interactive asks for itself."""
    heard = tuple(
        _result(step, answers, _finding(work, step, answers))
        for step, answers in zip(work.steps, work.answers, strict=True)
    )
    findings = (*work.findings, *(one.finding for one in heard))
    return _confirmed(replace(work, heard=heard, findings=findings))


def _result(step: PlannedCheck, answers: Sequence[Answer], finding: Finding) -> CheckResult:
    """The finding with what it rests on."""
    if isinstance(step.check, HandWritten):
        # Spoiled on purpose, its answers explain nothing.
        return CheckResult(finding, (), ())
    return CheckResult(finding, step.trials, answers)


def _confirmed(work: Work) -> Work:
    """Where all else is right, gradients that come out without autograd must be, too."""
    if verdict(work.findings)[0] is not Outcome.PASSED:
        return work
    heard = tuple(
        replace(result, finding=_doubted(step, answers, result.finding))
        for step, answers, result in zip(work.steps, work.answers, work.heard, strict=True)
    )
    before = work.findings[: len(work.findings) - len(heard)]
    return replace(work, heard=heard, findings=(*before, *(one.finding for one in heard)))


def _doubted(step: PlannedCheck, answers: Sequence[Answer], finding: Finding) -> Finding:
    wrong = None
    if isinstance(step.check, HandWritten):
        wrong = step.check.doubted(step.trials, answers)
    if wrong is None:
        return finding
    message = f"{NOT_WITHOUT}, as without it {wrong.message}."
    fault = Fault.NOT_HAND_WRITTEN
    return replace(finding, outcome=Outcome.FAILED, fault=fault, message=message)


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
                _mark(step, answers)
                finding = _finding(work, step, answers)
                work = replace(
                    work,
                    answers=(*work.answers, answers),
                    heard=(*work.heard, _result(step, answers, finding)),
                    findings=(*work.findings, finding),
                )
            work = explain_failures(find_smallest_failures(_confirmed(work)))
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

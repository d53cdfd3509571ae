"""How one submission becomes one record. Read this page first.

plan     what every check of the scenario wants to know      (once per scenario)
run      load the code in the sandbox and put the questions, shuffled
collect  the answers, the submission's own tests, its words
judge    every check, the traps, the red flags, the verification level
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import torch

from harness import behaviour, checks, oracles, source, verification
from harness.checks import flags, text
from harness.checks.bench import Bench, Conduct, Judgement, Step
from harness.checks.compare import RepeatedCalls
from harness.checks.structure import HandWritten, functions_in
from harness.diagnosis.explanation import Heard, explain, find_smallest
from harness.model import (
    Fault,
    Finding,
    ObservedGradcheck,
    Outcome,
    OwnTests,
    Record,
    Scenario,
    Submission,
    TrapState,
    Verification,
)
from harness.question import Answer, Cotangent, Question, put
from harness.sandbox import CandidateFault, Session, alone, in_company
from harness.sandbox.inside import wire
from harness.unplugged import unplugged

LOADS = "loads"


class Plan:
    """Everything that is asked of each submission of one scenario; made once, used often."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.bench = Bench(scenario, oracles.load(scenario), seed)
        self.plain = {
            entry.name: Question("forward", case, grad=case.differentiable)
            for entry in scenario.entry_points
            if entry.differentiable
            for draw in [self.bench.drawer(entry, "plain")]
            for case in [draw.case(draw.small_size(), unit_range=True)]
        }
        self.plain_vjp = {
            name: replace(question, ask="vjp", cotangents=(Cotangent(ones),))
            for name, question in self.plain.items()
            for ones in [torch.ones_like(self.bench.reference(question.case).value()).detach()]
        }
        self.steps: list[Step] = []
        for spec in scenario.checks:
            check, entries = checks.build(spec, scenario)
            for entry in entries:
                trials = () if hasattr(check, "converse") else check.trials(self.bench, entry)
                self.steps.append(Step(check, entry, spec.required, trials))


@dataclass(frozen=True)
class Loaded:
    """What loading the code showed."""

    findings: tuple[Finding, ...]
    # Entry points that can be called.
    usable: tuple[str, ...]


def grade(submission: Submission, plan: Plan, address: str) -> Record:
    """The record of one submission; ``address`` is a zygote's.

    Raises ``SandboxError`` where the sandbox, not the submission, failed.
    """
    started = time.perf_counter()
    read = source.of(submission) or source.analyse("")
    own_tests = None
    if submission.code is None or submission.problem is not None:
        findings: tuple[Finding, ...] = (_unloadable(submission),)
    else:
        examined = _examine(submission, plan, read, address)
        findings = _confirm_hand_written(examined, submission, plan, read, address)
        own_tests = examined.own_tests
        # What cannot be imported cannot test itself either.
        importable = not any(f.check == LOADS and f.entry_point is None for f in findings)
        if importable and (own_tests is None or not own_tests.passed):
            # In a process of their own nothing that the questions did is in their way.
            own_tests = run_own_tests(submission, plan, read, address)
        if own_tests is not None:
            own_tests = replace(own_tests, used_by=examined.used_by)
    verified = verification.judge(submission, plan.scenario, read, own_tests)
    return judged(
        submission, plan.scenario, read, findings, verified, time.perf_counter() - started
    )


def judged(
    submission: Submission,
    scenario: Scenario,
    read: source.Source,
    findings: tuple[Finding, ...],
    verified: Verification,
    wall_s: float,
) -> Record:
    """Findings and words put together into a verdict; runs no code."""
    traps = text.find_traps(submission, scenario)
    seen = flags.find_flags(submission, scenario, read, verified, traps, findings)
    outcome, reason = verdict(findings)
    held = None
    if outcome is not Outcome.UNGRADED:
        held = (
            outcome is Outcome.PASSED
            and verified.level.reaches(scenario.verification)
            and all(trap.state is not TrapState.FELL for trap in traps)
        )
    record = Record(
        id=submission.id,
        scenario=submission.scenario,
        arm=submission.arm,
        submitter=submission.submitter,
        sample=submission.sample,
        path=str(submission.path),
        sha256=submission.sha256,
        outcome=outcome,
        reason=reason,
        verification=verified.level,
        verification_reason=verified.reason,
        held=held,
        wall_s=round(wall_s, 4),
        findings=findings,
        traps=traps,
        red_flags=seen,
        claims=verified.claims,
        events=verified.events,
    )
    return replace(record, behaviour=behaviour.judge(record, scenario))


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


def _unloadable(submission: Submission) -> Finding:
    return _not_loaded(submission.problem or "There is no code.")


def _not_loaded(
    message: str,
    entry_point: str | None = None,
    line: int | None = None,
    fault: Fault = Fault.NOT_LOADED,
) -> Finding:
    return Finding(LOADS, entry_point, True, Outcome.FAILED, message, line=line, fault=fault)


@dataclass(frozen=True)
class Examined:
    """What one session, or two, brought to light."""

    # Of every check.
    findings: tuple[Finding, ...]
    # Entry point -> the Functions behind it.
    used_by: dict[str, tuple[str, ...]]
    # ``None`` where the process did not live to run them.
    own_tests: OwnTests | None = None
    # Entry points that have a gradient without any backward; ``None`` where that is not known.
    without_backward: tuple[str, ...] | None = None


def _examine(
    submission: Submission,
    plan: Plan,
    read: source.Source,
    address: str,
    *,
    own_tests_too: bool = True,
) -> Examined:
    own_tests = without_backward = None
    try:
        with in_company(address), Session(address, plan.scenario.limits) as session:
            loaded = load(session, submission, plan)
            steps = [step for step in plan.steps if step.entry.name in loaded.usable]
            plain, answers = _ask_at_once(session, submission, plan, steps, loaded.usable)
            judge = Judge(plan.bench, Conduct(read, plain), submission)
            # Its own tests run while its answers are judged, once nothing is left to ask.
            fitting = [step.mark(answer) for step, answer in zip(steps, answers, strict=True)]
            settled = all(fitting) and not any(hasattr(step.check, "converse") for step in steps)
            if own_tests_too and settled:
                _begin_own_tests(session, submission, read)
            heard = [
                Heard(judge.finding(step, answer, session), step.trials, answer)
                for step, answer in zip(steps, answers, strict=True)
            ]
            ask = None if settled else partial(put, session)
            smallest = find_smallest(plan.bench, heard, ask)
            if own_tests_too and not settled:
                _begin_own_tests(session, submission, read)
            findings = (*loaded.findings, *explain(plan.bench, heard, smallest))
            asked = _rest_on_words(findings)
            with suppress(CandidateFault):
                without_backward = _have_no_need_of_backward(submission, plan, read, address, asked)
            if own_tests_too:
                with suppress(CandidateFault):
                    own_tests = _end_own_tests(session, read)
    except CandidateFault:
        # Ask again, alone and check by check: that names the check at which it ends,
        # and a mere slow moment of this machine is not held against anyone.
        with alone(address):
            return _examine_slowly(submission, plan, read, address)
    used_by = {name: functions_in(answer) for name, answer in plain.items()}
    return Examined(findings, used_by, own_tests, without_backward)


def _ask_at_once(
    session: Session,
    submission: Submission,
    plan: Plan,
    steps: Sequence[Step],
    usable: Sequence[str],
) -> tuple[dict[str, Answer], list[list[Answer]]]:
    """Answers to everything in one shuffled batch: plain calls by name, then per step."""
    names = [name for name in plan.plain if name in usable]
    trials = [(step.check, trial) for step in steps for trial in step.trials]
    questions = [plan.plain[name] for name in names] + [trial.question for _, trial in trials]
    rng = _order(submission, plan)
    # Some answers are counted or timed and not compared, some are right in many wrong ways (a
    # gradient of zero): the first one of all is neither.
    plain_ones = [
        place
        for place, (check, trial) in enumerate(trials, len(names))
        if isinstance(check, RepeatedCalls) and trial.question.ask == "vjp"
    ]
    first = rng.choice(plain_ones) if plain_ones else None
    answers = iter(put(session, questions, shuffle=rng, first=first))
    plain = {name: next(answers) for name in names}
    return plain, [[next(answers) for _ in step.trials] for step in steps]


def _order(submission: Submission, plan: Plan) -> random.Random:
    """Neither order nor neighbours of a question are the same for two submissions or runs."""
    return random.Random(f"{plan.bench.seed}/{submission.sha256}")


def _examine_slowly(
    submission: Submission, plan: Plan, read: source.Source, address: str
) -> Examined:
    findings: list[Finding] = []
    heard: list[Heard] = []
    plain: dict[str, Answer] = {}
    step: Step | None = None
    steps: list[Step] = []
    try:
        with Session(address, plan.scenario.limits) as session:
            loaded = load(session, submission, plan)
            findings += loaded.findings
            steps = [step for step in plan.steps if step.entry.name in loaded.usable]
            step = next(iter(steps), None)
            names = [name for name in plan.plain if name in loaded.usable]
            plain = dict(
                zip(names, put(session, [plan.plain[name] for name in names]), strict=True)
            )
            judge = Judge(plan.bench, Conduct(read, plain), submission)
            for step in steps:
                questions = [trial.question for trial in step.trials]
                answers = put(session, questions, shuffle=_order(submission, plan))
                step.mark(answers)
                heard.append(Heard(judge.finding(step, answers, session), step.trials, answers))
            smallest = find_smallest(plan.bench, heard, partial(put, session))
            findings += explain(plan.bench, heard, smallest)
    except CandidateFault as fault:
        findings += explain(plan.bench, heard, find_smallest(plan.bench, heard))
        findings.append(_fault_finding(step, fault))
        at = steps.index(step) + 1 if step is not None else 0
        findings += [
            Finding(
                missed.check.kind,
                missed.entry.name,
                missed.required,
                Outcome.UNGRADED,
                "Not reached: the process had ended.",
            )
            for missed in steps[at:]
        ]
    used_by = {name: functions_in(answer) for name, answer in plain.items()}
    return Examined(tuple(findings), used_by)


def _confirm_hand_written(
    examined: Examined, submission: Submission, plan: Plan, read: source.Source, address: str
) -> tuple[Finding, ...]:
    """The findings, less a ``hand_written`` that rests on nothing but what the process says.

    Where it was not found out beside other work it is now; a process that then ends, too, has
    shown nothing.
    """
    findings = examined.findings
    names = examined.without_backward
    if names is None:
        names = asked = _rest_on_words(findings)
        if asked:
            with alone(address), suppress(CandidateFault):
                names = _have_no_need_of_backward(submission, plan, read, address, asked)
    return tuple(
        replace(
            finding,
            outcome=Outcome.FAILED,
            fault=Fault.NOT_HAND_WRITTEN,
            message="With the backward of every Function in the file taken away, the gradient "
            "still comes out: it does not go through them.",
        )
        if finding.check == HandWritten.kind and finding.entry_point in names
        else finding
        for finding in findings
    )


def _rest_on_words(findings: tuple[Finding, ...]) -> tuple[str, ...]:
    """Entry points of what would pass, whose Functions only the process itself has named."""
    if verdict(findings)[0] is not Outcome.PASSED:
        return ()
    found = [f.entry_point for f in findings if f.check == HandWritten.kind]
    return tuple(name for name in found if name is not None)


def _have_no_need_of_backward(
    submission: Submission, plan: Plan, read: source.Source, address: str, names: Sequence[str]
) -> tuple[str, ...]:
    """Those of the entry points that have a gradient with the backward of every Function away."""
    if not names:
        return ()
    assert submission.code is not None
    code = unplugged(submission.code, read)
    if code is None:
        return tuple(names)
    with Session(address, plan.scenario.limits) as session:
        # An import that now fails has gone through a backward, too.
        usable = load(session, replace(submission, code=code), plan).usable
        asked = [name for name in names if name in usable]
        answers = put(session, [plan.plain_vjp[name] for name in asked])
        return tuple(n for n, answer in zip(asked, answers, strict=True) if not answer.error)


def _fault_finding(step: Step | None, fault: CandidateFault) -> Finding:
    message = str(fault)[:1].upper() + str(fault)[1:] + "."
    if step is None:
        return _not_loaded(message, fault=Fault.ENDED)
    return Finding(
        step.check.kind, step.entry.name, True, Outcome.FAILED, message, fault=Fault.ENDED
    )


def load(session: Session, submission: Submission, plan: Plan) -> Loaded:
    """Import the code in the sandbox; the findings say what stands in the way."""
    assert submission.code is not None
    scenario = plan.scenario
    reply, _ = session.request(
        {
            "do": "load",
            "source": submission.code,
            "modules": plan.bench.oracles.sources,
            "entry_points": {
                entry.name: 2 + len(entry.arguments)
                if any(hasattr(argument, "stacks") for argument in entry.arguments)
                else len(entry.arguments)
                for entry in scenario.entry_points
            },
        }
    )
    error = reply.get("error")
    if error is not None:
        answer = Answer({}, {}, error if isinstance(error, dict) else {})
        if answer.error and answer.error.get("type") == "SystemExit":
            message = "The code leaves the interpreter when it is imported."
        else:
            message = f"The code raises when it is imported: {answer.error_text()}."
        line = _line(submission, answer.line)
        return Loaded((_not_loaded(message, line=line),), ())
    states = reply.get("entry_points")
    if not isinstance(states, dict):
        raise CandidateFault("the process sent a malformed reply")
    findings, usable = [], []
    for entry in scenario.entry_points:
        problem = states.get(entry.name, "missing")
        if problem is None:
            usable.append(entry.name)
            message = "It is defined and takes the promised arguments."
            findings.append(Finding(LOADS, entry.name, True, Outcome.PASSED, message))
            continue
        said = {
            "missing": f"The code does not define {entry.name}.",
            "not callable": f"{entry.name} is not callable.",
        }.get(str(problem), str(problem)[:300])
        findings.append(_not_loaded(said, entry.name))
    return Loaded(tuple(findings), tuple(usable))


def _line(submission: Submission, line: int | None) -> int | None:
    """The line of the submission's text that is ``line`` of its code, if it has so many."""
    assert submission.code is not None
    if line is None or not 1 <= line <= submission.code.count("\n") + 1:
        return None
    return line + submission.code_line - 1


@dataclass(frozen=True)
class Judge:
    """Turns a step and its answers into a finding."""

    bench: Bench
    conduct: Conduct
    submission: Submission

    def finding(self, step: Step, answers: list[Answer], session: Session) -> Finding:
        """Ask, where the check asks for itself, and judge."""
        if hasattr(step.check, "converse"):
            judgement: Judgement = step.check.converse(self.bench, step.entry, session)
        else:
            judgement = step.check.judge(self.bench, step.entry, step.trials, answers, self.conduct)
        return Finding(
            step.check.kind,
            step.entry.name,
            step.required,
            judgement.outcome,
            judgement.message,
            judgement.measured,
            judgement.limit,
            _line(self.submission, judgement.line),
            judgement.fault,
            judgement.quantity,
        )


def run_own_tests(
    submission: Submission, plan: Plan, read: source.Source, address: str
) -> OwnTests:
    """Run the submission's file as a script, in a process of its own."""

    def run() -> OwnTests:
        with Session(address, plan.scenario.limits) as session:
            modules = plan.bench.oracles.sources
            session.request({"do": "load", "source": "", "modules": modules, "entry_points": {}})
            _begin_own_tests(session, submission, read)
            return _end_own_tests(session, read)

    try:
        with in_company(address), suppress(CandidateFault):
            return run()
        # A fault is believed when it comes again, without neighbours.
        with alone(address):
            return run()
    except CandidateFault as fault:
        return OwnTests(False, str(fault), (), tuple(f.name for f in read.functions))


def _begin_own_tests(session: Session, submission: Submission, read: source.Source) -> None:
    """Let a process that knows provided modules run the submission's file as a script."""
    session.renew()
    tests = [] if read.main_lines else _standalone_tests(read)
    script = {"do": "script", "source": submission.code, "tests": tests}
    with suppress(CandidateFault):  # which the end of it will meet again
        session.send(wire.encode(script, []))


def _end_own_tests(session: Session, read: source.Source) -> OwnTests:
    """What the script did."""
    reply, _ = session.receive(0)
    error = reply.get("error")
    said = None
    if error is not None:
        said = Answer({}, {}, error).error_text() if isinstance(error, dict) else "unknown error"
    # What the process saw of itself counts only where the file has a call to be seen.
    observed = reply.get("gradchecks") if read.gradchecks else []
    gradchecks = tuple(
        found
        for entry in (observed if isinstance(observed, list) else [])
        if (found := _observed(entry)) is not None
    )
    return OwnTests(said is None, said, gradchecks, tuple(f.name for f in read.functions))


def _standalone_tests(read: source.Source) -> list[str]:
    """Test functions that take no arguments, in a file that does not run them itself."""
    return [
        name
        for name in read.tests
        if name in read.defs and not read.defs[name].args.args and name.startswith("test")
    ]


def _observed(entry: object) -> ObservedGradcheck | None:
    """One watched call as the candidate's side reported it; ``None`` where it makes no sense."""
    if not isinstance(entry, dict):
        return None
    options = entry.get("options")
    names, dtypes = entry.get("functions"), entry.get("dtypes")
    if not (isinstance(options, dict) and isinstance(names, list) and isinstance(dtypes, list)):
        return None
    error = entry.get("error")
    return ObservedGradcheck(
        name=str(entry.get("name")),
        functions=tuple(str(name) for name in names),
        dtypes=tuple(str(dtype) for dtype in dtypes),
        options={str(k): v for k, v in options.items() if isinstance(v, bool | int | float)},
        passed=entry.get("passed") is True,
        error=None if error is None else str(error),
    )

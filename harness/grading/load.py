"""Loading a submission's code in the sandbox, and what stands in the way of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.grading.work import Work
from harness.model import EntryPoint, Fault, Finding, Outcome, Submission
from harness.numerics.question import Answer
from harness.sandbox.session import CandidateFault, Session

LOADS = "loads"


def load_code(work: Work) -> Work:
    """Import the code in the session; the findings say what stands in the way."""
    loaded = load(work.process, work)
    steps = tuple(step for step in work.plan.steps if step.entry.name in loaded.usable)
    return replace(work, findings=loaded.findings, usable=loaded.usable, steps=steps)


@dataclass(frozen=True)
class Loaded:
    """What loading the code showed."""

    findings: tuple[Finding, ...]
    # Entry points that can be called.
    usable: tuple[str, ...]


def load(session: Session, work: Work, code: str | None = None) -> Loaded:
    """Import the code of the submission, or ``code`` in its place."""
    submission, plan = work.submission, work.plan
    session.loaded = {
        "do": "load",
        "source": submission.code if code is None else code,
        "modules": plan.bench.oracles.sources,
        "entry_points": {entry.name: _positional(entry) for entry in plan.scenario.entry_points},
    }
    reply, _ = session.request(session.loaded)
    error = reply.get("error")
    if error is not None:
        answer = Answer({}, {}, error if isinstance(error, dict) else {})
        if answer.error and answer.error.get("type") == "SystemExit":
            message = "The code leaves the interpreter when it is imported."
        else:
            message = f"The code raises when it is imported: {answer.error_text()}."
        line = line_of(submission, answer.line)
        return Loaded((not_loaded(message, line=line),), ())
    states = reply.get("entry_points")
    if not isinstance(states, dict):
        raise CandidateFault("the process sent a malformed reply")
    findings, usable = [], []
    for entry in plan.scenario.entry_points:
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
        findings.append(not_loaded(said, entry.name))
    return Loaded(tuple(findings), tuple(usable))


def _positional(entry: EntryPoint) -> int:
    """How many arguments it takes by place; of a module its constructor does."""
    if any(hasattr(argument, "stacks") for argument in entry.arguments):
        return 2 + len(entry.arguments)
    taken = entry.module.constructor if entry.module is not None else None
    return sum(taken is None or argument.name in taken for argument in entry.positional)


def not_loaded(
    message: str,
    entry_point: str | None = None,
    line: int | None = None,
    fault: Fault = Fault.NOT_LOADED,
) -> Finding:
    """What is found of code that cannot be loaded, or of one entry point of it."""
    return Finding(LOADS, entry_point, True, Outcome.FAILED, message, line=line, fault=fault)


def line_of(submission: Submission, line: int | None) -> int | None:
    """The line of the submission's text that is ``line`` of its code, if it has so many."""
    assert submission.code is not None
    if line is None or not 1 <= line <= submission.code.count("\n") + 1:
        return None
    return line + submission.code_line - 1

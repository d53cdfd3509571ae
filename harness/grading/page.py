"""How one submission becomes one grade. Read this page first.

Every step takes the ``Work`` that the last one returned and adds to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from harness.code import analyse, source_of
from harness.errors import SubmissionError
from harness.grading import ask, changed, load, own_tests, verdict
from harness.grading.plan import Plan
from harness.grading.work import Work
from harness.model import Grade, Submission
from harness.sandbox import exclusive, shared
from harness.sandbox.session import CandidateFault

WorkStep = Callable[[Work], Work]

# In one process of the sandbox, which answers all questions of all checks.
IN_ONE_SESSION: tuple[WorkStep, ...] = (
    load.load_code,
    ask.put_questions,
    own_tests.begin_early,
    ask.judge_answers,
    ask.find_smallest_failures,
    changed.find_mutants,
    own_tests.begin,
    ask.explain_failures,
    own_tests.end,
)
# The same without explanations and without its own tests.
FINDINGS_ONLY: tuple[WorkStep, ...] = (load.load_code, ask.put_questions, ask.judge_answers)
# Whatever came of that, once the process is gone.
AFTER_THE_SESSION: tuple[WorkStep, ...] = (
    own_tests.run_apart,
    verdict.verify,
)


def grade(submission: Submission, plan: Plan, address: str) -> Grade:
    """What comes of one submission; ``address`` is a zygote's.

    Raises ``SandboxError`` where the sandbox, not the submission, failed, and
    ``SubmissionError`` where it cannot be read.
    """
    if submission.unread is not None:
        raise SubmissionError(submission.unread)
    work = begun(submission, plan, address)
    steps = (verdict.verify,) if plan.scenario.words_alone else (examine, *AFTER_THE_SESSION)
    for step in steps:
        work = step(work)
    return verdict.decide(work)


def begun(submission: Submission, plan: Plan, address: str) -> Work:
    """A submission of which nothing is known but its code; ``address`` is a zygote's."""
    return Work(submission, plan, address, source_of(submission) or analyse(""))


def examine(work: Work, steps: Sequence[WorkStep] = IN_ONE_SESSION) -> Work:
    """Run the code and put every question to it."""
    submission = work.submission
    if submission.code is None or submission.problem is not None:
        problem = submission.problem or "There is no code."
        return replace(work, findings=(load.not_loaded(problem),))
    try:
        with shared(work.address), work.start_session() as session:
            examined = replace(work, session=session)
            for step in steps:
                examined = step(examined)
            return replace(examined, session=None)
    except CandidateFault:
        # A mere slow moment of this machine is not held against anyone.
        with exclusive(work.address):
            return ask.ask_check_by_check(work)

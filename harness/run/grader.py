"""``harness.Grader``: the grading of ``harness run`` as a library."""

from __future__ import annotations

import asyncio
import itertools
import os
import secrets
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Literal, NamedTuple

from harness import sandbox
from harness.errors import HarnessError, UsageError, did_you_mean
from harness.model import Grade, Record, Scenario, Skill, Submission
from harness.read import scenarios
from harness.read.submissions import Asked
from harness.read.submissions.content import Origin, build
from harness.run.run import graded
from harness.run.service import Service

Kind = Literal["reply", "python", "transcript"]

# Endings of files that hold such an answer.
_ENDINGS: Mapping[Kind, str] = {"reply": ".md", "python": ".py", "transcript": ".json"}


class Response(NamedTuple):
    """One answer to grade; a plain pair of text and scenario will do."""

    # What the model said: a chat reply in Markdown, a Python file, or a transcript in any of the
    # formats that ``harness run`` reads.
    text: str | bytes
    # Id of the scenario that it answers; may be left out where there is only one.
    scenario: str | None = None
    kind: Kind = "reply"
    # Who it is from, for the record: they change nothing about the grade.
    arm: str = "answer"
    submitter: str = "answer"


class Grader:
    """Grades answers to scenarios in sandboxed processes that stay, from any thread.

        with harness.Grader("scenarios/", jobs=2) as grader:
            record = grader.grade(text, scenario="layer-norm")

    ``scenarios`` is what ``harness run`` takes: a folder of skills, a skill's folder or one file.
    ``jobs`` is the number of grader processes, by default one per processor. Inputs are drawn
    from ``seed``, by default one that nobody knows; the same seed gives the same grade. ``tier``
    names the strongest sandbox to use, and ``allow_unsandboxed`` lets one be weak that does not
    confine (see ``harness doctor``).

    It opens in a few seconds and is to be closed, by ``with`` or ``close()``. Raises
    ``ScenarioError`` for scenarios that are not valid, and ``SandboxError`` where nothing can
    be confined or started.
    """

    def __init__(
        self,
        scenarios_at: str | os.PathLike[str],
        *,
        jobs: int | None = None,
        seed: int | None = None,
        tier: str | None = None,
        allow_unsandboxed: bool = False,
    ) -> None:
        if jobs is not None and jobs < 1:
            raise UsageError(f"jobs: expected a number of processes from 1 on, found {jobs}")
        library = scenarios.load(Path(scenarios_at))
        self.scenarios: Mapping[str, Scenario] = MappingProxyType(
            {scenario.id: scenario for scenario in library.scenarios}
        )
        self.skills: tuple[Skill, ...] = library.skills
        self.seed = secrets.randbits(63) if seed is None else seed
        self.jobs = jobs or len(os.sched_getaffinity(0))
        self.tier = sandbox.choose(at_most=tier, allow_unsandboxed=allow_unsandboxed)
        self._samples = itertools.count(1)
        self._service = Service(seed=self.seed, tier=self.tier, jobs=self.jobs)

    def grade(
        self,
        text: str | bytes,
        *,
        scenario: str | None = None,
        kind: Kind = "reply",
        arm: str = "answer",
        submitter: str = "answer",
    ) -> Record:
        """What comes of one answer; the arguments are those of ``Response``.

        A fault of ours is a record with the outcome ``ungraded``. Raises ``UsageError`` for a
        scenario that is not known, ``SubmissionError`` for a transcript in an unknown format and
        ``ScenarioError`` for a scenario that cannot be asked.
        """
        return self.submit(Response(text, scenario, kind, arm, submitter)).result()

    async def agrade(
        self,
        text: str | bytes,
        *,
        scenario: str | None = None,
        kind: Kind = "reply",
        arm: str = "answer",
        submitter: str = "answer",
    ) -> Record:
        """As ``grade``, for ``asyncio``: others run meanwhile."""
        return await asyncio.wrap_future(
            self.submit(Response(text, scenario, kind, arm, submitter)),
        )

    def map(
        self, answers: Iterable[str | tuple[str, str] | Response], *, scenario: str | None = None
    ) -> Iterator[Record]:
        """The records of ``answers``, in their order, as soon as each is there.

        An answer is a text, a pair of text and scenario, or an ``Response``; ``scenario`` is for
        those that name none. Few are looked at ahead, so ``answers`` may be without end.
        """
        waiting: deque[Future[Record]] = deque()
        try:
            for one in answers:
                answer = Response(one) if isinstance(one, (str, bytes)) else Response(*one)
                waiting.append(self.submit(answer._replace(scenario=answer.scenario or scenario)))
                # So many that a worker that stays with its scenario has a choice.
                if len(waiting) > 8 * self.jobs:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def submit(self, answer: Response | Submission) -> Future[Record]:
        """The record to come of one answer, or of a submission that was read from a file.

        Raises what ``grade`` raises of the answer; the future the rest.
        """
        if isinstance(answer, Response):
            answer = self._submission(answer)
        submission = answer
        known = self._service.submit(submission, self._scenario(submission.scenario))
        record: Future[Record] = Future()

        def hand_on(known: Future[Grade | HarnessError]) -> None:
            if not record.set_running_or_notify_cancel():
                return
            try:
                record.set_result(Record.of(submission, graded(known.result())))
            except BaseException as error:
                record.set_exception(error)

        def cancel(record: Future[Record]) -> None:
            if record.cancelled():
                known.cancel()

        record.add_done_callback(cancel)
        known.add_done_callback(hand_on)
        return record

    def _submission(self, answer: Response) -> Submission:
        scenario = self._scenario(answer.scenario)
        if answer.kind not in _ENDINGS:
            raise UsageError(
                f"kind: found {answer.kind!r}, expected one of {', '.join(_ENDINGS)}."
                + did_you_mean(answer.kind, _ENDINGS)
            )
        sample = next(self._samples)
        # No file can be there, so none beside it is read.
        nowhere = Path(os.devnull) / f"{sample}{_ENDINGS[answer.kind]}"
        origin = Origin(answer.arm, answer.submitter, scenario.id, sample, nowhere)
        if not isinstance(answer.text, str | bytes):
            raise UsageError(f"text: found {type(answer.text).__name__}, expected str or bytes")
        raw = answer.text.encode() if isinstance(answer.text, str) else answer.text
        made = build(origin, raw, Asked.of(scenario), answer.kind)
        return replace(made, path=f"{made.id}{_ENDINGS[answer.kind]}")

    def _scenario(self, name: str | None) -> Scenario:
        if name is None and len(self.scenarios) == 1:
            return next(iter(self.scenarios.values()))
        if name is None or name not in self.scenarios:
            found = "none was named" if name is None else f"found {name!r}"
            raise UsageError(
                f"scenario: {found}, expected one of {', '.join(self.scenarios)}."
                + ("" if name is None else did_you_mean(name, self.scenarios))
            )
        return self.scenarios[name]

    def close(self) -> None:
        """End every process; what is not graded by then is cancelled. Does nothing twice."""
        self._service.close()

    def __enter__(self) -> Grader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

"""Where a scenario's checks are prepared once and then used for every submission of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

import torch

from harness.code import Source
from harness.errors import ScenarioError
from harness.model import EntryPoint, Fault, Finding, Outcome, Quantity, Scenario
from harness.numerics.expectation import Expected, Mismatch, Reference, Sheet
from harness.numerics.inputs import Case, Drawer, generator
from harness.numerics.oracles import Oracles
from harness.numerics.question import Answer, Question
from harness.sandbox.inside.part import Part, Role
from harness.sandbox.session import Session

T = TypeVar("T")
# Parts of an answer that only a question which says so is answered with.
KEPT = {Role.INPUT, Role.AROUND, Role.COTANGENT, Role.COTANGENT_AROUND, Role.DRAW}


@dataclass(frozen=True)
class Judgement:
    """What a check found out about one entry point."""

    outcome: Outcome
    message: str
    measured: float | None = None
    limit: float | None = None
    # Line of the submission's code, if one is to blame.
    line: int | None = None
    # What went wrong, and with which tensor.
    fault: Fault | None = None
    quantity: Quantity | None = None
    # Lines of Python that show a failure again.
    snippet: str | None = None

    @staticmethod
    def passed(
        message: str, measured: float | None = None, limit: float | None = None
    ) -> Judgement:
        return Judgement(Outcome.PASSED, message, measured, limit)

    @staticmethod
    def failed(
        message: str,
        measured: float | None = None,
        limit: float | None = None,
        line: int | None = None,
        *,
        fault: Fault | None = None,
    ) -> Judgement:
        return Judgement(Outcome.FAILED, message, measured, limit, line, fault)

    @staticmethod
    def differs(found: Mismatch, message: str, line: int | None = None) -> Judgement:
        """Failed by ``found``, with ``message`` for its words."""
        return Judgement(
            Outcome.FAILED,
            message,
            found.measured,
            found.limit,
            line,
            found.fault,
            found.quantity,
        )

    @staticmethod
    def raised(answer: Answer) -> Judgement:
        """Failed by a call that raised."""
        told = answer.told_error()
        message = f"{told[:1].upper()}{told[1:]}."
        return Judgement.failed(message, line=answer.line, fault=answer.fault)

    def finding(
        self, check: str, entry_point: str, required: bool, line: int | None = None
    ) -> Finding:
        """What stands in a result; ``line`` is one of the submission's text."""
        told = (self.outcome, self.message, self.measured, self.limit, line)
        found = Finding(check, entry_point, required, *told, self.fault, self.quantity)
        return replace(found, snippet=self.snippet)


@dataclass(frozen=True)
class Trial:
    """A question with what each part of a right answer is."""

    question: Question
    # Part name -> expectation.
    expected: Mapping[Part, Expected] = field(default_factory=dict)
    # What is special about it, for messages.
    label: str = ""
    # Parts that may be missing where the process says that it refused, as autograd does when a
    # tensor that it saved was overwritten.
    refusable: frozenset[Part] = frozenset()
    # Why the result must not require grad; empty where it may.
    no_history: str = ""
    # What is special about a sequence of calls that have arguments of their own.
    sequence: str = ""

    def __post_init__(self) -> None:
        # What nobody looks at need not travel.
        if not self.question.kept and any(part.role in KEPT for part in self.expected):
            object.__setattr__(self, "question", replace(self.question, kept=True))

    @property
    def about(self) -> str:
        """Its label, or else its case's; of a sequence, what its calls have in turn."""
        if self.sequence:
            calls = dict.fromkeys(map(_told, self.question.calls))
            return f"{'; then '.join(calls)}, {self.sequence}"
        return self.label or self.question.case.label

    def about_wrong(self, answer: Answer) -> str:
        """What ``about`` says, of that call alone whose answer is the first wrong one."""
        told = answer.error is not None or "value" in answer.facts
        part = None if told or not self.sequence else self._wrong_part(answer)
        if part is None:
            return self.about
        # A second backward is one through the graph of the first call.
        place = part.call or 0
        return f"{_told(self.question.calls[place])}, call {place + 1} of {self.sequence}"

    def mismatch(self, answer: Answer) -> Mismatch | None:
        """The first way in which ``answer`` is wrong."""
        if answer.error is not None:
            return Mismatch(answer.fault, answer.told_error())
        if "value" in answer.facts:
            kind = answer.facts.get("type")
            return Mismatch(Fault.NOT_A_TENSOR, f"the result is a {kind}, expected a tensor")
        part = self._wrong_part(answer)
        if part is not None:
            return self.expected[part].mismatch(answer.parts.get(part))
        if self._has_history(answer):
            return Mismatch(
                Fault.HAS_HISTORY, f"the result requires grad although {self.no_history}"
            )
        return None

    def is_right(self, answer: Answer) -> bool:
        """Whether there is no mismatch; without the words for it."""
        told = answer.error is not None or "value" in answer.facts
        return not (told or self._wrong_part(answer) is not None or self._has_history(answer))

    def _wrong_part(self, answer: Answer) -> Part | None:
        refused = self.refused(answer)
        for part, expected in self.expected.items():
            if not expected.is_right(answer.parts.get(part)) and part not in refused:
                return part
        return None

    def _has_history(self, answer: Answer) -> bool:
        facts = answer.facts
        # What is the input itself, or a view of it, is as the input is.
        shared = facts.get("shares_storage_with")
        return bool(self.no_history and facts.get("requires_grad") and not shared)

    def refused(self, answer: Answer) -> frozenset[Part]:
        """What the answer may lack because it says that it refused."""
        return self.refusable if answer.facts.get("refused") else frozenset()


def _told(call: Question) -> str:
    """The dtype, shapes and values of one call."""
    dtype = next((str(t.dtype) for t in call.case.tensors.values()), "")
    return f"{dtype.removeprefix('torch.')} {call.case.told}".strip()


class Bench:
    """A scenario with its oracles and a seed; trials are drawn when first asked for."""

    # Whether arguments of one case go together with those of another.
    mixes = True
    # Whether all that a call depends on is among its arguments.
    closed = True

    def __init__(self, scenario: Scenario, oracles: Oracles, seed: int) -> None:
        self.scenario = scenario
        self.oracles = oracles
        self.seed = seed
        self._memory: dict[tuple[object, ...], Any] = {}

    def drawer(self, entry: EntryPoint, purpose: str) -> Drawer:
        """Draws cases; the same ones for the same purpose and seed."""
        return Drawer(entry, self.seed, f"{self.scenario.id}/{purpose}")

    def seeds(self, purpose: str, count: int) -> list[int]:
        """Seeds for candidates' generators."""
        rng = generator(self.seed, self.scenario.id, purpose)
        return [int(n) for n in torch.randint(1 << 40, (count,), generator=rng)]

    def reference(self, case: Case, *, seed: int = 0, rough: bool = False) -> Reference:
        """The oracle on one case."""
        return Reference(self.oracles.by_name[case.entry.name], case, seed=seed, rough=rough)

    def once(self, key: tuple[object, ...], make: Callable[[], T]) -> T:
        """What ``make`` returned the first time it was asked for under ``key``."""
        if key not in self._memory:
            self._memory[key] = make()
        found: T = self._memory[key]
        return found


@dataclass(frozen=True)
class SubmissionContext:
    """What is known of a submission beside the answers to a check's own trials."""

    source: Source
    # Entry point -> answer to a plain forward call of it, with its graph.
    plain: Mapping[str, Answer]


class Check(Protocol):
    """One kind of question with its judgement; its fields are its YAML keys."""

    @property
    def kind(self) -> str: ...

    def fits(self, entry: EntryPoint) -> bool:
        """Whether it can be asked of ``entry`` at all."""
        ...

    def trials(self, bench: Bench, entry: EntryPoint) -> tuple[Trial, ...]:
        """What it wants to know; may be empty."""
        ...

    def judge(
        self,
        bench: Bench,
        entry: EntryPoint,
        trials: tuple[Trial, ...],
        answers: list[Answer],
        context: SubmissionContext,
    ) -> Judgement: ...


@dataclass(frozen=True)
class Answered:
    """One entry point's trials with their answers, to be judged."""

    bench: Bench
    entry: EntryPoint
    trials: tuple[Trial, ...]
    answers: list[Answer]
    context: SubmissionContext

    @property
    def pairs(self) -> Iterator[tuple[Trial, Answer]]:
        """Every trial with its answer."""
        return zip(self.trials, self.answers, strict=True)


@dataclass(frozen=True)
class DrawnCheck:
    """A ``Check`` whose trials are drawn once per bench; what the house's own have in common."""

    kind: ClassVar[str]
    # Whether it is asked only of entry points whose gradient the contract promises.
    needs_gradient: ClassVar[bool] = True

    def fits(self, entry: EntryPoint) -> bool:
        return entry.differentiable or not self.needs_gradient

    def trials(self, bench: Bench, entry: EntryPoint) -> tuple[Trial, ...]:
        draw = bench.drawer(entry, self.kind)
        return bench.once((self, entry.name), lambda: tuple(self.draw(bench, entry, draw)))

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        """The trials, from cases that ``draw`` gives; none where it asks nothing of its own."""
        return iter(())

    def judge(
        self,
        bench: Bench,
        entry: EntryPoint,
        trials: tuple[Trial, ...],
        answers: list[Answer],
        context: SubmissionContext,
    ) -> Judgement:
        return self.judgement(Answered(bench, entry, trials, answers, context))

    def judgement(self, answered: Answered) -> Judgement:
        """What ``judge`` is to return."""
        raise NotImplementedError


@runtime_checkable
class InteractiveCheck(Protocol):
    """A check that needs the candidate to itself, step by step."""

    @property
    def kind(self) -> str: ...

    def fits(self, entry: EntryPoint) -> bool: ...

    def run_session(self, bench: Bench, entry: EntryPoint, session: Session) -> Judgement: ...


@dataclass(frozen=True)
class PlannedCheck:
    """One check on one entry point."""

    check: Check | InteractiveCheck
    entry: EntryPoint
    # Whether its failure fails a submission.
    required: bool
    trials: tuple[Trial, ...]
    # What it is and where it stands, for messages.
    where: str = ""

    @cached_property
    def _sheet(self) -> Sheet | None:
        expected = [one for trial in self.trials for one in trial.expected.values()]
        return Sheet(expected) if expected else None

    def mark(self, answers: Sequence[Answer]) -> bool:
        """Find what is right in the answers at once, so that judging need not look again.

        Returns whether all is, but for what was refused.
        """
        if self._sheet is None:
            return True
        asked = [
            (trial, answer, part)
            for trial, answer in zip(self.trials, answers, strict=True)
            for part in trial.expected
        ]
        fitting = self._sheet.mark([answer.parts.get(part) for _, answer, part in asked])
        return all(
            fits or part in trial.refused(answer)
            for fits, (trial, answer, part) in zip(fitting, asked, strict=True)
        )

    @property
    def rounding_mattered(self) -> bool:
        """Whether an answer marked last was further off than is allowed whatever rounding does."""
        return self._sheet is not None and self._sheet.rounding_mattered

    def check_judged(self, *, by_least: bool = False) -> None:
        """Raise ``ScenarioError`` for a quantity that has elements, of which none is judged.

        With ``by_least`` whatever rounding does, which need not be found out then.
        """
        quantity = self._never_judged(by_least)
        if quantity is not None:
            raise ScenarioError(
                f"{self.where}: the oracle gives no finite number for {quantity} in any of "
                f"{len(self.trials)} cases, expected values to compare with; narrow the ranges of "
                "the arguments or mend the oracle"
            )

    def _never_judged(self, by_least: bool) -> Quantity | None:
        judged: dict[Quantity, bool] = {}
        for trial in self.trials:
            for one in trial.expected.values():
                if one.low.numel() and not judged.get(one.quantity):
                    limits = one.low, one.high, one.least if by_least else one.allowed
                    finite = torch.stack([limit.isfinite() for limit in limits]).all(dim=0)
                    judged[one.quantity] = bool(finite.any())
        return next((quantity for quantity, any_ in judged.items() if not any_), None)


def number_of(text: object) -> float:
    """The float that ``text`` is the ``repr`` of; NaN, which is never right, where it is none."""
    try:
        return float(text) if isinstance(text, str) else math.nan
    except ValueError:
        return math.nan

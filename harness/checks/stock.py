"""Stock ``torch.autograd.gradcheck`` and ``gradgradcheck``, run on the candidate's answers.

They find a backward that contradicts its own forward. They accept much that is
wrong, so the verdict rests on the comparing checks; see docs/trust.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch.autograd.gradcheck import GradcheckError

from harness.checks.compare import steady_stacks
from harness.checks.context import Answered, Bench, DrawnCheck, Judgement, Trial
from harness.errors import ScenarioError
from harness.model import EntryPoint, Fault, Outcome
from harness.numerics.inputs import Case
from harness.numerics.proxy import CandidateError, Key, Memo, NotRehearsed, Rehearsal, remote
from harness.sandbox.inside.part import COTANGENT_GRADIENT, RESULT, Part, Role

# Central differences in float64 at unit-sized inputs err by about 1e-10 with this
# step; the tolerances leave a wide margin and are far tighter than the defaults.
STEP, ATOL, RTOL = 6e-6, 1e-6, 1e-6
MESSAGE_CHARACTERS = 500
# A small random case may happen to lie where nothing is clipped.
MOST_DRAWS = 20


@dataclass(frozen=True)
class RehearsedRun:
    """One rehearsed gradcheck."""

    case: Case
    inputs: tuple[torch.Tensor, ...]
    keys: tuple[Key, ...]
    # Shape of the result.
    shape: torch.Size


@dataclass(frozen=True)
class Objection:
    """What stands between a submission and a content gradcheck."""

    case: Case
    message: str
    # ``GRADCHECK`` where gradcheck itself objects; else it could not even be run.
    fault: Fault
    line: int | None = None
    # Whether the grader is at fault, not the submission.
    ours: bool = False


@dataclass(frozen=True)
class Stock(DrawnCheck):
    """What the two have in common."""

    # Factor on the result, so that a gradient that is clipped when large is not.
    scale: float = 1.0
    # Whether the contract's gradient is one that it must reject.
    must_fail: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not 0 < self.scale < float("inf"):
            raise ValueError(f"scale is {self.scale!r}, expected a number above 0")

    def trials(self, bench: Bench, entry: EntryPoint) -> tuple[Trial, ...]:
        return self._rehearsed(bench, entry)[1]

    def _rehearsed(
        self, bench: Bench, entry: EntryPoint
    ) -> tuple[tuple[RehearsedRun, ...], tuple[Trial, ...]]:
        return bench.once((self, entry.name), lambda: self._rehearse(bench, entry))

    def _rehearse(
        self, bench: Bench, entry: EntryPoint
    ) -> tuple[tuple[RehearsedRun, ...], tuple[Trial, ...]]:
        draw = bench.drawer(entry, self.kind)
        runs, trials = [], []
        for stack in steady_stacks(entry)[:2]:
            for _ in range(MOST_DRAWS):
                case = draw.case(draw.small_size(), unit_range=True, stack=stack)
                inputs = tuple(case.tensors[name] for name in case.differentiable)
                rehearsal = Rehearsal(bench.oracles.by_name[entry.name], case)
                if self._accepts(rehearsal, _fresh(inputs)) is not self.must_fail:
                    break
            else:
                expected = "reject" if self.must_fail else "accept"
                raise ScenarioError(
                    f"{bench.scenario.path}: stock {self.kind} does not {expected} the oracle of "
                    f"{entry.name!r}; mend the oracle, or drop the check"
                )
            shape = bench.reference(case).value().shape
            runs.append(RehearsedRun(case, inputs, tuple(rehearsal.questions), shape))
            trials += [Trial(question, {}, case.label) for question in rehearsal.questions.values()]
        return tuple(runs), tuple(trials)

    def _accepts(self, answerer: Any, inputs: tuple[torch.Tensor, ...]) -> bool:
        try:
            return self.run(answerer, inputs)
        except GradcheckError:
            return False

    def run(self, answerer: Any, inputs: tuple[torch.Tensor, ...]) -> bool:
        raise NotImplementedError

    def _results(self, answered: Answered) -> Iterator[Objection | None]:
        """For each rehearsed run, what stock gradcheck says; ``None`` where it is content."""
        rest = iter(answered.answers)
        for run in self._rehearsed(answered.bench, answered.entry)[0]:
            memo = Memo(run.case.differentiable, {key: next(rest) for key in run.keys})
            # Stock gradcheck trusts what it is given: anything else would end it, not fail it.
            misfit = self._misfit(run, memo)
            if misfit is not None:
                yield Objection(run.case, misfit, Fault.WRONG_SHAPE)
                continue
            try:
                self.run(memo, _fresh(run.inputs))
            except GradcheckError as error:
                yield Objection(run.case, _short(str(error)), Fault.GRADCHECK)
                continue
            except CandidateError as error:
                yield Objection(run.case, f"a call raised {error}", error.fault, error.line)
                continue
            except NotRehearsed as beyond:
                # Where it must reject it went on past the point at which it rejects the oracle.
                if not self.must_fail:
                    yield Objection(run.case, str(beyond), Fault.RAISED, ours=True)
                    continue
            yield None

    @staticmethod
    def _misfit(run: RehearsedRun, memo: Memo) -> str | None:
        """The first answer that has not the shape and dtype of a right one."""
        dtype = run.inputs[0].dtype
        for (kind, mask, *_), answer in memo.answers.items():
            if answer.error is not None:
                continue
            shapes = {RESULT: run.shape}
            if kind != "forward":
                assert isinstance(mask, tuple)
                wanted = [x for x, needed in zip(run.inputs, mask, strict=True) if needed]
                shapes |= {Part(Role.GRADIENT, i): x.shape for i, x in enumerate(wanted)}
            if kind == "vjp2":
                shapes[COTANGENT_GRADIENT] = run.shape
            for part, shape in shapes.items():
                tensor = answer.parts.get(part)
                if tensor is not None and (tensor.shape != shape or tensor.dtype != dtype):
                    what = "the result" if part is RESULT else "a gradient"
                    return (
                        f"{what} is {_name(tensor.dtype)} {tuple(tensor.shape)}, "
                        f"expected {_name(dtype)} {tuple(shape)}"
                    )
        return None


def _fresh(inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    """Copies: stock gradcheck moves what it is given, and an error leaves it moved."""
    return tuple(x.detach().clone().requires_grad_() for x in inputs)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _short(message: str) -> str:
    return re.sub(r"\s+", " ", message)[:MESSAGE_CHARACTERS].strip()


@dataclass(frozen=True)
class Gradcheck(Stock):
    """Stock gradcheck accepts.

    Use it wherever a gradient is asked that is the derivative of the result.
    """

    kind: ClassVar[str] = "gradcheck"

    def run(self, answerer: Any, inputs: tuple[torch.Tensor, ...]) -> bool:
        return torch.autograd.gradcheck(
            lambda *xs: self.scale * remote(answerer, *xs),
            inputs,
            eps=STEP,
            atol=ATOL * min(1.0, self.scale),
            rtol=RTOL,
        )

    def judgement(self, answered: Answered) -> Judgement:
        for objection in self._results(answered):
            if objection is not None and objection.ours:
                return Judgement(
                    Outcome.UNGRADED,
                    f"Stock {self.kind} asked what was not foreseen: {objection.message}.",
                )
            if objection is not None:
                said = "objects" if objection.fault is Fault.GRADCHECK else "cannot run"
                return Judgement.failed(
                    f"Stock {self.kind} {said} for {objection.case.label}: {objection.message}",
                    line=objection.line,
                    fault=objection.fault,
                )
        scaled = f" of {self.scale:g} times the result" if self.scale != 1.0 else ""
        return Judgement.passed(f"Stock {self.kind}{scaled} accepts in float64.")


@dataclass(frozen=True)
class Gradgradcheck(Gradcheck):
    """Stock gradgradcheck accepts.

    Use it where second derivatives are promised.
    """

    kind: ClassVar[str] = "gradgradcheck"

    def run(self, answerer: Any, inputs: tuple[torch.Tensor, ...]) -> bool:
        rng = torch.Generator().manual_seed(1)
        with torch.no_grad():
            result = self.scale * remote(answerer, *inputs)
        weights = torch.randn(result.shape, generator=rng, dtype=result.dtype).requires_grad_()
        return torch.autograd.gradgradcheck(
            lambda *xs: self.scale * remote(answerer, *xs),
            inputs,
            (weights,),
            eps=STEP,
            atol=ATOL,
            rtol=RTOL,
        )


@dataclass(frozen=True)
class GradcheckMustFail(Gradcheck):
    """Stock gradcheck rejects, because the contract's gradient is not the derivative there.

    Use it where the request asks for a gradient that is not the derivative, as a clipped one.
    """

    kind: ClassVar[str] = "gradcheck_must_fail"
    must_fail: ClassVar[bool] = True

    def judgement(self, answered: Answered) -> Judgement:
        for objection in self._results(answered):
            if objection is None:
                return Judgement.failed(
                    "Stock gradcheck accepts where the gradient should be clipped: "
                    "it is not clipped.",
                    fault=Fault.GRADCHECK,
                )
            if objection.fault is not Fault.GRADCHECK:
                return Judgement.failed(
                    f"Stock gradcheck cannot run: {objection.message}",
                    line=objection.line,
                    fault=objection.fault,
                )
        return Judgement.passed("Stock gradcheck objects where the gradient is clipped, by design.")

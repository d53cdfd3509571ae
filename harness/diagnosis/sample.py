"""One quantity of one trial: what came, and what was right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from harness.checks.context import Bench, Trial
from harness.model import Quantity
from harness.numerics.expectation import RESULT, Expected, Reference
from harness.numerics.inputs import Case
from harness.numerics.question import Answer, Question
from harness.sandbox.inside.part import Role

Array = npt.NDArray[np.float64]
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")


class ExactValues:
    """The references' values for other questions than were asked."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    def value(self, case: Case, seed: int = 0) -> torch.Tensor:
        """The exact result."""
        return self.bench.reference(case, seed=seed).value().detach()

    def vjp(
        self, case: Case, cotangent: torch.Tensor, name: str, seed: int = 0
    ) -> torch.Tensor | None:
        """The exact gradient of the argument ``name``; ``None`` where the contract has none."""
        if name not in case.differentiable:
            return None
        reference = self.bench.reference(case, seed=seed)
        if case.stack is not None and case.stack.random:
            torch.default_generator.manual_seed(seed)
        wanted = (reference.leaves[name],)
        (found,) = reference.oracle.gradients(reference.arguments, cotangent.double(), wanted)
        return found.detach()

    def second_part(
        self, case: Case, cotangent: torch.Tensor, outer: torch.Tensor, through: str, name: str
    ) -> torch.Tensor:
        """The share of the second derivative for ``name`` that comes through one gradient."""
        reference: Reference = self.bench.reference(case)
        leaf, target = reference.leaves[through], reference.leaves[name]
        (inner,) = reference.oracle.gradients(
            reference.arguments, cotangent.double(), (leaf,), create_graph=True
        )
        if not inner.requires_grad:
            return torch.zeros_like(target)
        (found,) = torch.autograd.grad(
            inner, target, outer.double(), allow_unused=True, materialize_grads=True
        )
        return found


class MomentKind(Enum):
    """Which of the calls or backwards that belong together; in words, for the call's ordinal."""

    CALL = "in the {} of several calls"
    SECOND_BACKWARD = "in the second backward through one graph"
    LATER_CALL = "in the later ones of many equal calls"


@dataclass(frozen=True)
class Moment:
    """When in a sequence of calls something came."""

    kind: MomentKind
    # Place of the call, from 0; only of a ``CALL``.
    place: int = 0

    def __str__(self) -> str:
        return self.kind.value.format(_ORDINALS[self.place])


class SampleArrays(NamedTuple):
    """A sample's elements in numpy: what came, its error, how far from it a prediction may be."""

    got: Array
    error: Array
    slack: Array
    # Where all of these are finite.
    here: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Sample:
    """One quantity of one trial."""

    # Kind of the check that asked.
    check: str
    quantity: Quantity
    question: Question
    expected: Expected
    # ``None`` where it did not come.
    got: torch.Tensor | None
    # ``None`` for a single call.
    moment: Moment | None
    # All that was expected of the same call.
    beside: Mapping[Quantity, Expected]
    # The calls of the same sequence, this one among them; empty for a single call.
    calls: tuple[Question, ...] = ()
    # The elements that are to be explained; ``None`` for all.
    mask: torch.Tensor | None = None

    @cached_property
    def right(self) -> bool:
        """Whether it is as it should be."""
        return self.expected.is_right(self.got)

    @property
    def case(self) -> Case:
        return self.question.case

    @cached_property
    def inputs(self) -> dict[str, torch.Tensor]:
        """The tensor arguments in float64."""
        return {name: tensor.double() for name, tensor in self.case.tensors.items()}

    @cached_property
    def cotangent(self) -> torch.Tensor | None:
        """The incoming gradient in float64."""
        cotangents = self.question.cotangents
        second = self.moment is not None and self.moment.kind is MomentKind.SECOND_BACKWARD
        return cotangents[int(second)].value.double() if cotangents else None

    @cached_property
    def argument(self) -> str | None:
        """The tensor argument whose gradient or second derivative this is."""
        is_derivative = self.quantity.is_derivative and self.quantity.argument in self.case.tensors
        return self.quantity.argument if is_derivative else None

    @cached_property
    def exact(self) -> torch.Tensor:
        if self.expected.low is self.expected.high:
            return self.expected.low
        return (self.expected.low + self.expected.high) / 2

    @cached_property
    def wide(self) -> torch.Tensor:
        """What came, in float64; only where it has the right shape."""
        assert self.got is not None
        return self.got.double()

    @cached_property
    def comparable(self) -> bool:
        """Whether what came has the right shape, so that elements can be compared."""
        return self.got is not None and self.got.shape == self.exact.shape

    @cached_property
    def wrong(self) -> torch.Tensor:
        """Which elements are out of bounds."""
        return ~self.expected.fits(self.wide)

    @property
    def is_single(self) -> bool:
        """Whether it is rounded to float32."""
        return self.expected.dtype == torch.float32

    @property
    def result(self) -> torch.Tensor | None:
        """The right result of the same call, in float64."""
        expected = self.beside.get(RESULT)
        return None if expected is None else expected.low

    @cached_property
    def _arrays(self) -> SampleArrays:
        """What ``explained_by`` holds predictions against; numpy, as these are small and many."""
        got, exact, allowed = (t.numpy() for t in (self.wide, self.exact, self.expected.allowed))
        with np.errstate(invalid="ignore"):
            error = np.abs(got - exact)
            # Where next to nothing came, that must be explained and not the size of the error.
            slack = allowed + 1e-3 * np.minimum(error, np.abs(got))
        here = np.isfinite(got) & np.isfinite(exact) & np.isfinite(allowed)
        return SampleArrays(got, error, slack, here)

    def explained_by(self, predicted: torch.Tensor | None) -> bool:
        """Whether ``predicted``, in float64, accounts for what came where ``mask`` holds."""
        if predicted is None or not self.comparable or predicted.shape != self.exact.shape:
            return False
        known, right = self._arrays, predicted.numpy()
        with np.errstate(all="ignore"):
            rest, size = np.abs(known.got - right), np.abs(right)
            # A wrong answer may be of another size than the right one, and rounds at its own.
            largest = float(size[np.isfinite(size)].max(initial=0.0))
            slack = known.slack + (1e-5 if self.is_single else 1e-10) * size
            fits = rest <= slack + (1e-6 if self.is_single else 1e-13) * largest
        here = known.here if self.mask is None else known.here & self.mask.numpy()
        if not here.any():
            return bool((np.isnan(known.got) & np.isnan(right)).all())
        if not fits[here].all():
            return False
        with np.errstate(all="ignore"):
            return bool(np.linalg.norm(rest[here]) <= 0.1 * np.linalg.norm(known.error[here]))


def samples_of(check: str, trial: Trial, answer: Answer) -> Iterator[Sample]:
    """Every quantity of a trial that was answered without an error."""
    if trial.question.ask in ("batched", "nested"):
        return  # the same gradients, asked for one by one, say more
    calls = trial.question.calls
    beside: dict[int, dict[Quantity, Expected]] = {}
    for part, expected in trial.expected.items():
        beside.setdefault(part.call or 0, {}).setdefault(expected.quantity, expected)
    refused = trial.refused(answer)
    for part, expected in trial.expected.items():
        if part in refused:
            continue
        got, moment = answer.parts.get(part), None
        if len(calls) > 1 and part.call is not None:
            moment = Moment(MomentKind.CALL, part.call)
        elif len(calls) > 1 and part.role is Role.AGAIN:
            moment = Moment(MomentKind.SECOND_BACKWARD)
        if trial.question.count > 1:
            expected, got, moment = _telling_call(expected, got)
        index = part.call or 0
        yield Sample(
            check,
            expected.quantity,
            calls[index],
            expected,
            got,
            moment,
            beside[index],
            calls if len(calls) > 1 else (),
        )


def _telling_call(
    stacked: Expected, got: torch.Tensor | None
) -> tuple[Expected, torch.Tensor | None, Moment | None]:
    """Of one call repeated many times, the first wrong one, else the first."""
    at = 0
    if got is not None and got.shape == stacked.low.shape:
        fits = stacked.fits(got.double())
        wrong = (~fits).reshape(len(fits), -1).any(1).nonzero()
        at = int(wrong[0]) if len(wrong) else 0
        got = got[at]
    return stacked.item(at), got, Moment(MomentKind.LATER_CALL) if at else None

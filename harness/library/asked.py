"""Checks that only a function of one's own is asked."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch

from harness.checks.compare import (
    Comparison,
    Layouts,
    cotangent_for,
    with_gradients,
    with_values,
)
from harness.checks.context import Answered, Bench, Judgement, Trial
from harness.model import EntryPoint, TensorArgument
from harness.numerics import torch_error
from harness.numerics.expectation import COTANGENT_AFTER_BACKWARD, Expected, untouched
from harness.numerics.inputs import Case, Drawer
from harness.numerics.rounding import HALF, margins
from harness.numerics.torch_error import TorchErrorKind
from harness.sandbox.inside.part import COTANGENT


@dataclass(frozen=True)
class Zeros(Comparison):
    """Right where some values are exactly zero beside others that are not."""

    kind: ClassVar[str] = "zeros"
    pass_message: ClassVar[str] = "Right where some values are exactly zero,"
    # Shares of the elements that are zero; at least one is.
    SHARES: ClassVar[tuple[float, ...]] = (0.0, 0.3, 1.0)
    needs_gradient: ClassVar[bool] = False

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        for size in draw.sizes()[:3]:
            for share in self.SHARES:
                case = draw.case(size)
                moved = self._with_zeros(case, draw, share)
                if moved is not case:
                    many = "one element" if share == 0 else f"{share:.0%} of the elements"
                    label = f"{case.label}, {many} exactly zero"
                    yield with_gradients(bench, draw, moved, label=label)

    @staticmethod
    def _with_zeros(case: Case, draw: Drawer, share: float) -> Case:
        values: list[Any] = []
        for argument, value in itertools.zip_longest(case.entry.arguments, case.values):
            if (
                isinstance(argument, TensorArgument)
                and isinstance(value, torch.Tensor)
                and value.numel() > 0
                and any(low <= 0 <= high for low, high in argument.spans())
            ):
                flat = value.clone().reshape(-1)
                chosen = draw.uniform(flat.shape, 0, 1) < share
                chosen[int(draw.uniform((), 0, flat.numel() - 1e-9))] = True
                flat[chosen] = 0.0
                values.append(flat.reshape(value.shape))
            else:
                values.append(value)
        if all(a is b for a, b in zip(values, case.values, strict=False)):
            return case
        return Case(case.entry, tuple(values[: len(case.values)]), case.label)


@dataclass(frozen=True)
class LayoutsOfMade(Layouts):
    """Layouts of inputs that keep their values: what is made does not repeat itself."""

    @staticmethod
    def _of_inputs(bench: Bench, draw: Drawer, case: Case, layout: str, middle: bool) -> Trial:
        unlike = "strided" if layout == "expanded" else layout
        return Layouts._of_inputs(bench, draw, case, unlike, middle)


@dataclass(frozen=True)
class FarSizes(Comparison):
    """Right at sizes far from the example's, beyond the blocks that kernels work in."""

    kind: ClassVar[str] = "far_sizes"
    pass_message: ClassVar[str] = "Right at sizes far from the example's,"
    sizes: tuple[Mapping[str, int], ...] = ()
    # Dtypes to ask beside the widest.
    dtypes: tuple[torch.dtype, ...] = ()

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        for size in self.sizes:
            for dtype in (torch.float64, *self.dtypes):
                case = _of_one_sign(draw.case(size, dtype=dtype))
                trial = _roughly(bench, draw, case)
                kept = untouched(case)
                if trial.question.cotangents:
                    (cotangent,) = trial.question.cotangents
                    kept[COTANGENT] = Expected.exactly(COTANGENT_AFTER_BACKWARD, cotangent.value)
                yield replace(trial, expected={**kept, **trial.expected})


def _of_one_sign(case: Case) -> Case:
    """In half precision, values of one sign, where they may be: long sums show how they are made.

    Those of both signs would nearly cancel, which limits must allow for.
    """
    tensors = case.tensors
    if not tensors or margins(next(iter(tensors.values())).dtype) is not HALF:
        return case
    positive = {
        argument.name: tensors[argument.name].abs()
        for argument in case.entry.arguments
        if isinstance(argument, TensorArgument)
        and not argument.kinks
        and argument.low < 0 <= -argument.low <= argument.high
    }
    return with_values(case, positive)


def _roughly(bench: Bench, draw: Drawer, case: Case) -> Trial:
    """A trial with limits of a thousandth, for arguments too large to find out rounding."""

    class Rough(Bench):
        def reference(self, case: Case, *, seed: int = 0, rough: bool = False) -> Any:
            return bench.reference(case, seed=seed, rough=True)

    cotangent = None
    dtype = next(iter(case.tensors.values())).dtype
    if margins(dtype) is HALF:
        shape = bench.reference(case, rough=True).value().shape
        cotangent = cotangent_for(draw, shape, dtype, 1.0).abs()
    rough = Rough(bench.scenario, bench.oracles, bench.seed)
    return with_gradients(rough, draw, case, cotangent=cotangent)


@dataclass(frozen=True)
class ResultInPlace(Comparison):
    """A caller may write to the result in place, as ``relu_()`` does; or autograd says why not."""

    kind: ClassVar[str] = "result_in_place"
    pass_message: ClassVar[str] = "Right where the result is written to in place,"

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        for size in draw.sizes()[:2]:
            case = draw.case(size)
            label = f"{case.label}, the result multiplied by 1.5 in place"
            yield with_gradients(bench, draw, case, label=label)

    def judgement(self, answered: Answered) -> Judgement:
        kept = [(t, a) for t, a in answered.pairs if not (a.error and _noticed(a.error_text()))]
        trials, answers = tuple(t for t, _ in kept), [a for _, a in kept]
        return super().judgement(replace(answered, trials=trials, answers=answers))


def _noticed(error: str) -> bool:
    """Whether autograd noticed that a saved result was overwritten, which is honest."""
    known = torch_error.recognise(error)
    return known is not None and known.kind is TorchErrorKind.OVERWRITTEN

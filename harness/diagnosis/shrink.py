"""Looks for simpler numbers at which a trial still fails, by asking a few more questions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch

from harness.checks.context import Bench, Trial
from harness.model import TensorArgument
from harness.numerics.expectation import (
    BRANCH_GRADIENT,
    COTANGENT_AFTER_BACKWARD,
    Expected,
    gradient_parts,
    second_parts,
    untouched,
)
from harness.numerics.inputs import Case
from harness.numerics.oracles import OracleError
from harness.numerics.question import Answer, Cotangent, Question
from harness.sandbox.inside.part import BRANCH, COTANGENT, RESULT, Part

Ask = Callable[[Sequence[Question]], list[Answer]]
# A snippet with more numbers than this is not read.
MOST_NUMBERS = 48
# What is not even cut short.
MOST_LISTED = 40 * MOST_NUMBERS
# Of cases with at most so many elements the simpler ones are kept for the next submission.
MOST_KEPT = 200
DIGITS = (1, 3)
SIMPLE = {"forward", "vjp", "vjp2", "in_graph"}
# Tensors of one question that are drawn from a seed of their own.
MOST_SEEDS = 6


def simpler(bench: Bench, trial: Trial) -> list[Question]:
    """The same question with plainer numbers, plainest first; empty where there is none."""
    if trial.question.case.elements > MOST_KEPT:
        return _simpler(trial)
    # Kept with the trial, so that no other one has its id.
    return bench.once(("simpler", id(trial)), lambda: (trial, _simpler(trial)))[1]


def _simpler(trial: Trial) -> list[Question]:
    question = trial.question
    if question.ask not in SIMPLE or question.case.stack is not None or question.layouts:
        return []
    return [
        replace(question, case=case, cotangents=cotangents)
        for case, cotangents in _variants(question)
        if _in_domain(case)
    ]


def still_failing(
    bench: Bench, trial: Trial, asked: Sequence[tuple[Question, Answer]]
) -> tuple[Trial, Answer] | None:
    """The first of the simpler questions that is answered wrongly, too."""
    # What is wrong beyond doubt is seen without working out what rounding does.
    for rough in (True, False):
        for question, answer in asked:
            expected = _known(bench, question, trial, rough=rough)
            if expected is None:
                continue
            moved = Trial(question, expected, trial.label)
            if not moved.is_right(answer):
                return moved, answer
    return None


def _known(
    bench: Bench, question: Question, trial: Trial, *, rough: bool
) -> dict[Part, Expected] | None:
    """What is right at the new numbers; worked out once for all submissions."""

    def make() -> tuple[Question, dict[Part, Expected] | None]:
        return question, _expected(bench, question, trial, rough=rough)

    if question.case.elements > MOST_KEPT:
        return make()[1]
    return bench.once(("simpler", id(question), rough), make)[1]


def _variants(question: Question) -> Iterator[tuple[Case, tuple[Cotangent, ...]]]:
    case, cotangents = question.case, question.cotangents
    ones = tuple(replace(c, value=torch.ones_like(c.value)) for c in cotangents)
    if case.elements > MOST_NUMBERS:
        # What holds for random numbers need not hold for evenly spaced ones.
        seeds = iter(range(MOST_SEEDS))
        yield _changed(case, lambda t: _drawn_again(t, next(seeds, 0))), ones
        yield _changed(case, _ramp), ones
    if case.elements > MOST_LISTED:
        return
    for digits in DIGITS:
        rounded = _changed(case, lambda t, d=digits: _rounded(t, d))  # type: ignore[misc]
        if cotangents:
            yield rounded, ones
        yield (
            rounded,
            tuple(replace(c, value=_rounded(c.value, digits)) for c in cotangents),
        )
    yield _changed(case, _ramp), ones


def _changed(case: Case, change: Callable[[torch.Tensor], torch.Tensor]) -> Case:
    numbers = {id(t) for name, t in case.tensors.items() if name not in case.listed}
    values = tuple(change(v) if id(v) in numbers else v for v in case.values)  # type: ignore[arg-type]
    return Case(case.entry, values, case.label)


def _rounded(tensor: torch.Tensor, digits: int) -> torch.Tensor:
    numbers = [float(f"{v:.{digits}g}") for v in tensor.double().reshape(-1).tolist()]
    return torch.tensor(numbers, dtype=tensor.dtype).reshape(tensor.shape)


def _ramp(tensor: torch.Tensor) -> torch.Tensor:
    """Evenly spaced over the same range: says in one line what would take hundreds of numbers."""
    if tensor.numel() < 2:
        return _rounded(tensor, 2)
    low, high = (float(f"{v:.2g}") for v in (tensor.min(), tensor.max()))
    return torch.linspace(low, high, tensor.numel(), dtype=tensor.dtype).reshape(tensor.shape)


def _drawn_again(tensor: torch.Tensor, seed: int) -> torch.Tensor:
    """Random numbers over the same range, that one line of Python makes."""
    if tensor.numel() <= MOST_NUMBERS:
        return _rounded(tensor, 2)
    low = -_down(-float(tensor.min()))
    width = max(_down(float(tensor.max()) - low), 0.0)
    return seeded(tuple(tensor.shape), tensor.dtype, low, width, seed)


def _down(value: float) -> float:
    """The next lower number of two digits."""
    near = float(f"{value:.2g}")
    if near <= value:
        return near
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    return float(f"{near - step:.2g}")


def seeded(
    shape: tuple[int, ...], dtype: torch.dtype, low: float, width: float, seed: int
) -> torch.Tensor:
    """Random numbers between ``low`` and ``low + width``."""
    drawn = torch.rand(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))
    return drawn * width + low


def _in_domain(case: Case) -> bool:
    for argument, value in zip(case.entry.arguments, case.values, strict=False):
        if not isinstance(argument, TensorArgument) or not isinstance(value, torch.Tensor):
            continue
        inside = torch.zeros(value.shape, dtype=torch.bool)
        for low, high in argument.spans():
            inside |= (value >= low) & (value <= high)
        if not inside.all():
            return False
    return True


def _expected(
    bench: Bench, question: Question, trial: Trial, *, rough: bool
) -> dict[Part, Expected] | None:
    """What is right at the new numbers, part by part; ``None`` where that is not known."""
    reference = bench.reference(question.case, seed=question.seed, rough=rough)
    try:
        if question.ask == "vjp2":
            cotangent, *outer = (c.value for c in question.cotangents)
            second = reference.second_gradients(cotangent, outer, question.grad)
            known = second_parts(second)
        else:
            known = {RESULT: reference.forward()}
            if question.cotangents:
                cotangent = question.cotangents[0].value
                gradients = reference.gradients(cotangent, question.grad)
                known |= gradient_parts(gradients)
                known[COTANGENT] = Expected.exactly(COTANGENT_AFTER_BACKWARD, cotangent)
                known[BRANCH] = Expected.exactly(BRANCH_GRADIENT, 2 * cotangent)
        known |= untouched(question.case)
    except OracleError:
        return None
    if not set(trial.expected) <= set(known):
        return None
    return {part: known[part] for part in trial.expected}

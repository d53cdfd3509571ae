"""The check that a call is right under ``torch.autocast``, with its backward outside of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import torch

from harness.checks.compare import Comparison, cotangent_for, steady_stacks
from harness.checks.context import Answered, Bench, Judgement, Trial
from harness.model import EntryPoint, Fault
from harness.numerics.expectation import gradient_parts
from harness.numerics.inputs import Drawer
from harness.numerics.question import Cotangent, Question
from harness.sandbox.inside.part import RESULT


@dataclass(frozen=True)
class Autocast(Comparison):
    """Float32 inputs under autocast: the result is in float32 or the lower precision.

    Use it where a request speaks of mixed precision.

    Values and gradients are as exact as the lower precision allows. Not asked unless a scenario
    names it, see docs/decisions/silent-requests.md.
    """

    # The lower precision: bfloat16 or float16.
    dtype: str = "bfloat16"
    kind: ClassVar[str] = "autocast"
    pass_message: ClassVar[str] = "Under autocast value and gradients agree with the reference"

    def __post_init__(self) -> None:
        if self.dtype not in ("bfloat16", "float16"):
            raise ValueError(f"dtype is {self.dtype!r}, expected 'bfloat16' or 'float16'")

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        stacks = itertools.cycle(steady_stacks(entry))
        for size in draw.sizes():
            case = draw.case(size, dtype=torch.float32, stack=next(stacks), unit_range=True)
            names = case.differentiable
            reference = bench.reference(case)
            reference.dtype = getattr(torch, self.dtype)
            result = reference.forward()
            cotangent = cotangent_for(draw, result.low.shape, torch.float32, 1.0)
            parts = {RESULT: result, **gradient_parts(reference.gradients(cotangent, names))}
            question = Question(
                "vjp", case, grad=names, cotangents=(Cotangent(cotangent),), autocast=self.dtype
            )
            yield Trial(
                question,
                {part: replace(one, dtype=torch.float32) for part, one in parts.items()},
                f"float32 {case.label}, under autocast to {self.dtype}",
            )

    def judgement(self, answered: Answered) -> Judgement:
        for trial, answer in answered.pairs:
            found = answer.facts.get("dtype", self.dtype)
            if found not in ("float32", self.dtype):
                return Judgement.failed(
                    f"For {trial.about}: the result is {str(found)[:40]}, expected float32 or "
                    f"{self.dtype}.",
                    fault=Fault.WRONG_DTYPE,
                )
        return super().judgement(answered)

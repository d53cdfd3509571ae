"""The check that an entry point is right the way people train with it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from harness.checks.compare import (
    Comparison,
    cotangent_for,
    steady_stacks,
    with_shared,
)
from harness.checks.context import Answered, Bench, Judgement, Trial
from harness.checks.side_effects import side_effect
from harness.checks.turns import Turn, all_but_one, in_turn, shareable, turns
from harness.model import (
    EntryPoint,
    LayersArgument,
    Outcome,
    Quantity,
    QuantityKind,
)
from harness.numerics.expectation import Expected
from harness.numerics.inputs import Drawer
from harness.numerics.question import Cotangent, Question, Training
from harness.sandbox.inside.part import RESULT, Part, Role

# What happens to ``.grad`` between two steps, with words for it.
BETWEEN = {
    "nothing": "not set to zero in between",
    "to_none": "set to None in between",
    "to_zero": "set to zero in between",
}


@dataclass(frozen=True)
class TrainingSteps(Comparison):
    """Right in two steps of training: what ``.backward()`` leaves in ``.grad`` after each.

    Use it wherever a gradient is asked and what is computed is trained.

    The second step uses the same leaves with new values, makes two calls that share an argument
    (two modules that share a parameter, two calls on one input), and may differentiate the
    leaves in another way, too.
    """

    kind: ClassVar[str] = "training"
    pass_message: ClassVar[str] = "After .backward() every .grad is right, step by step,"

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        stacks = itertools.cycle(steady_stacks(entry))
        between = in_turn(draw, tuple(BETWEEN))
        switches = [in_turn(draw, pattern) for pattern in ((0, 1), (0, 0, 1, 1), (0, 1, 1, 0))]
        parameters = in_turn(draw, (False, True))
        layers = [a.name for a in entry.arguments if isinstance(a, LayersArgument)]
        groups = shareable(entry, layers) if bench.mixes else []
        # All but one of them, or the only one.
        sharing = in_turn(draw, all_but_one(groups) if len(groups) > 1 else [sum(groups, ())])
        for turn in turns(bench, entry, draw):
            before, loss, elsewhere = (bool(next(switch)) for switch in switches)
            way = Training(before, next(between), loss, elsewhere)
            yield _steps(bench, draw, turn, next(stacks), way, next(sharing), next(parameters))

    def judgement(self, answered: Answered) -> Judgement:
        found = super().judgement(answered)
        for trial, answer in answered.pairs if found.outcome is Outcome.PASSED else ():
            if (left := side_effect(trial, answer)) is not None:
                return left
        return found


def _steps(
    bench: Bench,
    draw: Drawer,
    turn: Turn,
    stack: tuple[str, ...] | None,
    way: Training,
    shared: tuple[str, ...],
    parameter: bool,
) -> Trial:
    case = turn.case(draw, stack)
    # The first step's instance goes on, of which the differentiable parameters have new values.
    kept = tuple(name for name in case.entry.kept if name not in case.differentiable)
    again = with_shared(turn.case(draw, stack), case, kept)
    third = with_shared(turn.case(draw, stack), again, shared)
    layers = {a.name for a in case.entry.arguments if isinstance(a, LayersArgument)}
    names = case.differentiable
    calls = []
    for one in (case, again, third):
        reference = bench.reference(one)
        result = reference.forward()
        cotangent = cotangent_for(draw, result.low.shape, result.dtype, 1.0)
        gradients = reference.gradients(cotangent, names, with_parameters=True)
        calls.append((one, result, cotangent, gradients))
    at_start = float(way.before)
    stays = way.between == "nothing"
    after: dict[Part, Expected] = {}
    of_first, of_again, of_third = (gradients for *_, gradients in calls)
    for place, grads in enumerate(zip(of_first, of_again, of_third, strict=True)):
        former, total, further = grads
        name = names[place] if place < len(names) else None
        if name is not None:
            part = Part(Role.GRADIENT, place)
            quantity = Quantity(QuantityKind.ACCUMULATED, name)
        else:
            part = Part(Role.PARAMETER, place - len(names))
            quantity = Quantity(QuantityKind.ACCUMULATED_PARAMETER, str(place - len(names)))
        after[part._replace(call=0)] = former.beside(None, at_start, quantity)
        if name in shared or (name is None and layers & set(shared)):
            total = total.beside(further, 0.0, quantity)
        else:
            after[part._replace(call=2)] = further.beside(None, 0.0, quantity)
        constant = float(way.elsewhere) + (at_start if stays else 0.0)
        after[part._replace(call=1)] = total.beside(former if stays else None, constant, quantity)
    after = dict(sorted(after.items(), key=lambda item: item[0].call or 0))
    results = {RESULT._replace(call=i): result for i, (_, result, _, _) in enumerate(calls)}
    first, second, last = (
        # A module may keep what it is handed over, and a parameter would become one of its own.
        Question(
            "vjp",
            one,
            grad=names,
            cotangents=(Cotangent(cotangent),),
            parameter=parameter and one.entry.module is None,
        )
        for one, _, cotangent, _ in calls
    )
    question = replace(
        first,
        ask="training",
        others=(
            replace(second, shared=(*names, *layers, *kept)),
            replace(last, shared=shared),
        ),
        training=way,
        watched=True,
    )
    had = "ones in .grad beforehand" if way.before else "no .grad beforehand"
    return Trial(
        question,
        {**results, **after},
        sequence=f"three in two steps of training, {had}, {BETWEEN[way.between]}",
    )

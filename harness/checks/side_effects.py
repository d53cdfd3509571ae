"""Checks of what a call does beside computing: what it overwrites, leaves behind and logs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch

from harness.checks.compare import (
    Comparison,
    cotangent_for,
    plain,
    steady_stacks,
    ways,
    with_gradients,
)
from harness.checks.context import Answered, Bench, Judgement, Trial, number_of
from harness.checks.turns import in_turn, large_turns, operations, other_turns, turns
from harness.model import TENSORS, EntryPoint, Fault, LogArgument, TensorArgument
from harness.numerics.expectation import (
    COTANGENT_AFTER_BACKWARD,
    RANDOM_NUMBER,
    Expected,
    Mismatch,
    first_draw,
    untouched,
    untouched_around,
)
from harness.numerics.inputs import Case, Drawer
from harness.numerics.question import Answer, Cotangent, Question
from harness.numerics.rounding import margins, unit_roundoff
from harness.sandbox.inside.part import COTANGENT, DRAW, RESULT, Part, Role
from harness.sandbox.session import CandidateFault

ALIAS = "shares_storage_with"
# Facts that the candidate's side reports of a call; they can fail it, never excuse it.
SIDE_EFFECTS = {
    "left_gradient": (
        Fault.LEFT_GRADIENT,
        "the call itself leaves something in the .grad of its input",
    ),
    "changed_gradient": (
        Fault.LEFT_GRADIENT,
        "the call itself changes what was in the .grad of its input",
    ),
    "changed_settings": (
        Fault.CHANGED_SETTINGS,
        "a call or its backward changes a setting of the process, such as grad mode",
    ),
    "changed_values": (
        Fault.MUTATED_INPUT,
        "the call changes a list or a dict that it is given",
    ),
    "changed_flag": (
        Fault.CHANGED_FLAG,
        "the call leaves its input with another requires_grad than it had",
    ),
    "moved_generators": (
        Fault.MOVED_GENERATOR,
        "the call moves the random generators of Python or numpy",
    ),
    "left_behind": (
        Fault.LEFT_BEHIND,
        "the call or its backward leaves a hook or an attribute on a tensor of its caller's, or "
        "on the node of the graph that hands that tensor its gradient",
    ),
    ALIAS: (
        Fault.SHARES_MEMORY,
        "the result shares memory with the input, so a write to one changes the other",
    ),
}


# Layouts that leave room beside a tensor, for inputs and the incoming gradient in turn.
LAID_OUT = ("strided", "offset")


def _laid_out(trial: Trial, layouts: tuple[str, ...]) -> Trial:
    """The same with the tensors amid others in memory."""
    of_inputs, of_cotangent = layouts
    question = trial.question
    laid = {name: _allowed(of_inputs, t) for name, t in question.case.tensors.items()}
    cotangents = tuple(
        Cotangent(c.value, _allowed(of_cotangent, c.value)) for c in question.cotangents
    )
    return replace(
        trial,
        question=replace(question, layouts=laid, cotangents=cotangents),
        label=f"{trial.about}, {of_inputs} in memory",
    )


def _allowed(layout: str, tensor: torch.Tensor) -> str:
    return layout if tensor.dim() else "offset"


def _kept(trial: Trial, seed: int, gradient: bool, *, watched: bool = True) -> Trial:
    """The trial with all that the call must leave as it is, first of all.

    ``gradient`` says whether something is in ``.grad`` beforehand.
    """
    question = replace(trial.question, seed=seed, watched=watched, had_gradient=gradient)
    kept = {**untouched(question.case), **untouched_around(question)}
    kept[DRAW] = Expected.exactly(RANDOM_NUMBER, first_draw(seed))
    for cotangent in question.cotangents:
        kept[COTANGENT] = Expected.exactly(COTANGENT_AFTER_BACKWARD, cotangent.value)
    return replace(trial, question=question, expected={**kept, **trial.expected})


def _trained_and_not(
    bench: Bench, draw: Drawer, case: Case, seed: int, gradient: bool
) -> Iterator[Trial]:
    """Asked for a gradient, and as a model is called that is not trained."""
    asked = with_gradients(bench, draw, case)
    yield _kept(asked, seed, gradient)
    question = Question("forward", case, no_grad=True, frozen=True)
    label = f"{case.label}, nothing requires grad, under no_grad"
    yield _kept(Trial(question, {RESULT: asked.expected[RESULT]}, label), seed, not gradient)


@dataclass(frozen=True)
class NoMutation(Comparison):
    """Inputs, the incoming gradient and the random generator are bit for bit what they were.

    Use it for every function of tensors.
    """

    # ``never``, or ``declared``: an input may be overwritten if it is returned as the result
    # of a Function that marked it dirty, but never a leaf that requires grad.
    input: str = "never"
    # Whether the result may be a view of an input, which autograd knows of.
    views: bool = False
    kind: ClassVar[str] = "no_mutation"
    pass_message: ClassVar[str] = "Inputs, incoming gradient and random generator are left alone"
    needs_gradient: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.input not in ("never", "declared"):
            raise ValueError(f"input is {self.input!r}, expected 'never' or 'declared'")

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        stacks = itertools.cycle(steady_stacks(entry))
        way, made_by = in_turn(draw, ways(entry)), operations(draw)
        (one, other), first = LAID_OUT, next(in_turn(draw, (0, 1)))
        filled = next(in_turn(draw, (0, 1)))
        small = turns(bench, entry, draw)
        for number, turn in enumerate([*small, *large_turns(bench, entry, draw)]):
            case = turn.case(draw, next(stacks))
            (seed,) = bench.seeds(f"{self.kind}/{entry.name}/{number}", 1)
            # A copy of what is contiguous may be the tensor itself, so both kinds are asked.
            layouts = (one, other)[:: 1 if (number + first) % 2 else -1]
            # Each kind of call with something in ``.grad`` in every other turn.
            had = bool((number + filled) % 2)
            if entry.differentiable and number == len(small):
                yield from _trained_and_not(bench, draw, case, seed, had)
            elif entry.differentiable:
                asked = with_gradients(bench, draw, case)
                yield _kept(asked, seed, had)
                yield _kept(_laid_out(asked, layouts), seed, not had, watched=False)
                result = asked.expected[RESULT]
                forward = Question("forward", case, grad=case.differentiable, inner=next(made_by))
                label = f"{case.label}, the input is a result of another operation"
                yield _kept(Trial(forward, {RESULT: result}, label), seed, not had)
            else:
                result = bench.reference(case).forward()
                forward = Question("forward", case, grad=case.differentiable)
                label = f"{case.label}, inputs require grad"
                yield _kept(Trial(forward, {RESULT: result}, label), seed, not had)
            # Values of one sign only are handed back as they are by some.
            case = turn.case(draw, next(stacks), cluster=bool(number % 2))
            bare = plain(bench, case, bench.reference(case).forward(), next(way))
            yield _kept(bare if number % 2 else _laid_out(bare, layouts), seed, had)
        others = other_turns(bench, entry, draw, small) if entry.differentiable else ()
        for number, turn in enumerate(others):
            (seed,) = bench.seeds(f"{self.kind}/{entry.name}/other/{number}", 1)
            case, had = turn.case(draw, next(stacks)), bool((number + filled) % 2)
            yield from _trained_and_not(bench, draw, case, seed, had)

    def judgement(self, answered: Answered) -> Judgement:
        for trial, answer in answered.pairs:
            declared = self._declared(trial, answer)
            held = {part: one for part, one in trial.expected.items() if part not in declared}
            found = replace(trial, expected=held).mismatch(answer)
            if found is not None:
                return Judgement.differs(found, f"For {trial.about}: {found.message}.", answer.line)
            aliased = self.views or bool(declared)
            if (left := side_effect(trial, answer, aliased=aliased)) is not None:
                return left
        return Judgement.passed(f"{self.pass_message} in {len(answered.trials)} cases.")

    def _declared(self, trial: Trial, answer: Answer) -> set[Part]:
        """Inputs that are written to as the contract allows: the input itself is the result."""
        question = trial.question
        leaf = bool(question.grad) and not question.inner
        same, result = answer.facts.get("same_as"), answer.parts.get(RESULT)
        if self.input != "declared" or answer.error is not None or leaf:
            return set()
        if question.ask != "forward" or not isinstance(same, list) or result is None:
            return set()
        return {
            part
            for place in same
            if isinstance(place, int)
            and (part := Part(Role.INPUT, place)) in trial.expected
            # Whatever it says: what is in the input now must be the result.
            and part in answer.parts
            and torch.equal(answer.parts[part], result)
        }


def side_effect(trial: Trial, answer: Answer, *, aliased: bool = False) -> Judgement | None:
    """The first side effect that the candidate's process tells of.

    A result that shares memory with an input is none where it is ``aliased`` by contract.
    """
    for fact, (fault, said) in SIDE_EFFECTS.items():
        if answer.facts.get(fact) and not (fact == ALIAS and aliased):
            return Judgement.failed(f"For {trial.about}: {said}.", fault=fault)
    return None


@dataclass(frozen=True)
class Overwritten(Comparison):
    """A value overwritten between forward and backward is noticed, or makes no difference.

    Use it wherever a gradient is asked and tensors are kept for it.

    What ``save_for_backward`` keeps is guarded by autograd, which raises; a tensor kept in
    another way gives the gradient at another point without a word.
    """

    kind: ClassVar[str] = "overwritten"
    pass_message: ClassVar[str] = (
        "What is overwritten before backward is noticed or does not matter"
    )

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        stacks = itertools.cycle(steady_stacks(entry))
        made_by, alone = operations(draw), in_turn(draw, (True, False))
        every = turns(bench, entry, draw)
        half = len(every) // 2
        halves = in_turn(draw, (every[:half], every[half:]))
        for target in ("result", *_positions(entry)):
            # Each dtype with one of the two numbers of dimensions, and one with many elements.
            for turn in [*next(halves), *large_turns(bench, entry, draw)]:
                case = turn.case(draw, next(stacks))
                once = with_gradients(bench, draw, case, inner=next(made_by))
                gradients = {k: v for k, v in once.expected.items() if k != RESULT}
                named = "its result" if target == "result" else list(case.handed_over)[int(target)]
                # Of the same call beside it, to whose tensors nobody writes: whoever refuses
                # whatever is asked has no gradient there.
                others = (once.question,) if next(alone) else ()
                beside = {
                    part._replace(call=place): value
                    for place in range(1, len(others) + 1)
                    for part, value in gradients.items()
                }
                yield Trial(
                    replace(
                        once.question,
                        ask="overwritten",
                        overwrite=target,
                        others=others,
                    ),
                    {**gradients, **beside},
                    f"{case.label}, {named} overwritten in place before backward",
                    refusable=frozenset(gradients),
                )

    def judgement(self, answered: Answered) -> Judgement:
        for trial, answer in answered.pairs:
            if answer.facts.get("refused") and trial.mismatch(answer) is not None:
                return Judgement.failed(
                    f"For {trial.about}: it refuses, and has no right gradient of another call "
                    "either, to whose tensors nobody wrote.",
                    fault=Fault.MISSING,
                )
        return super().judgement(answered)


def _positions(entry: EntryPoint) -> list[str]:
    """Places among the tensor arguments of those that have a gradient."""
    tensors = [a for a in entry.arguments if isinstance(a, TENSORS)]
    return [
        str(index)
        for index, argument in enumerate(tensors)
        if isinstance(argument, TensorArgument) and argument.differentiable
    ]


@dataclass(frozen=True)
class LogCalls(Comparison):
    """The log is called once with the output's and once with the gradient's statistics.

    Use it where an entry point takes a ``log``.
    """

    kind: ClassVar[str] = "log_calls"

    def fits(self, entry: EntryPoint) -> bool:
        return any(isinstance(a, LogArgument) for a in entry.arguments)

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        for number, size in enumerate(draw.sizes()[:4]):
            yield self._trial(bench, draw, size)
            yield self._trial(bench, draw, size, alone=number)
            yield self._trial(bench, draw, size, layout=("filled", "strided")[number % 2])
            yield self._trial(bench, draw, size, dtype=torch.float32, close=True)
        case = draw.case(draw.small_size())
        result = bench.reference(case).forward()
        for no_grad in (False, True):
            grad = case.differentiable if no_grad else ()
            label = f"{case.label}, {'under no_grad' if no_grad else 'nothing requires grad'}"
            yield Trial(
                Question("forward", case, grad=grad, no_grad=no_grad), {RESULT: result}, label
            )
        once = self._trial(bench, draw, draw.small_size())
        (cotangent,) = once.question.cotangents
        further = Cotangent(draw.normal(cotangent.value.shape))
        kept = f"{once.label}, the graph kept and run again"
        yield Trial(
            replace(
                once.question,
                ask="interleaved",
                cotangents=(cotangent, further),
                schedule=(0, 0, 0),
            ),
            {RESULT._replace(call=0): once.expected[RESULT]},
            kept,
        )

    @staticmethod
    def _trial(
        bench: Bench,
        draw: Drawer,
        size: Mapping[str, Any],
        *,
        alone: int | None = None,
        layout: str | None = None,
        dtype: torch.dtype = torch.float64,
        close: bool = False,
    ) -> Trial:
        """``alone`` counts the one input that requires grad; ``close`` is an incoming gradient
        whose entries lie close together."""
        case = draw.case(size, dtype=dtype)
        result = bench.reference(case).forward()
        cotangent = cotangent_for(draw, result.low.shape, result.dtype, 1.0)
        grad, label = case.differentiable, case.label
        if alone is not None:
            grad = (grad[alone % len(grad)],)
            label += f", only {grad[0]} requires grad"
        if layout == "filled":
            cotangent = cotangent.reshape(-1)[0].expand(cotangent.shape).clone()
        if layout is not None:
            label += f", incoming gradient {layout} in memory"
        if close:
            cotangent = 3 + 3e-4 * cotangent
            label = f"{result.dtype} {label}, incoming gradient of close values".removeprefix(
                "torch."
            )
        question = Question("vjp", case, grad=grad, cotangents=(Cotangent(cotangent, layout),))
        return Trial(question, {RESULT: result}, label)

    def judgement(self, answered: Answered) -> Judgement:
        for trial, answer in answered.pairs:
            found = trial.mismatch(answer)
            if found is None and (problem := self._problem(trial, answer)) is not None:
                found = Mismatch(Fault.WRONG_LOG, problem)
            if found is not None:
                message = f"For {trial.label}: {found.message}."
                return Judgement.failed(message, line=answer.line, fault=found.fault)
        return Judgement.passed(
            f"Both events are logged with the right statistics in {len(answered.trials)} cases."
        )

    def _problem(self, trial: Trial, answer: Answer) -> str | None:
        log = _logged(answer)
        events = [event for event, _, _ in log]
        incoming = [cotangent.value for cotangent in trial.question.cotangents]
        expected = ["forward", *["backward"] * len(incoming)]
        if events != expected:
            return f"the log was called with {events[:4]}, expected {expected}"
        result, *_ = trial.expected.values()
        tensors = (result.low, *incoming)
        for (event, kind, entries), tensor in zip(log, tensors, strict=True):
            if kind != "dict" or sorted(e[0] for e in entries) != ["mean", "std"]:
                keys = [name for name, _, _ in entries]
                return f"the {event} log got a {kind} with {keys}, expected mean and std"
            for name, type_name, text in entries:
                if type_name != "float":
                    return f"the {event} log's {name} is a {type_name}, expected a Python float"
                if not _is_statistic(name, number_of(text), tensor, result.dtype):
                    return (
                        f"the {event} log's {name} is {text}, expected {_statistics(name, tensor)}"
                    )
        return None


Entry = tuple[str, str, str]


def _logged(answer: Answer) -> list[tuple[str, str, list[Entry]]]:
    """The log's events as ``(event, type, [(key, type, repr)])``."""
    log = answer.facts.get("log")
    if not isinstance(log, list):
        raise CandidateFault("the process sent a log that is no list")
    found = []
    for call in log:
        match call:
            case [str(event), str(kind), list(entries)]:
                found.append((event, kind, [_entry(entry) for entry in entries]))
            case _:
                raise CandidateFault("the process sent a log with something else than calls")
    return found


def _entry(entry: object) -> Entry:
    match entry:
        case [str(name), str(kind), str(text)]:
            return name, kind, text
    raise CandidateFault("the process sent a log whose entries are no entries")


def _statistics(name: str, tensor: torch.Tensor) -> list[float]:
    if name == "mean":
        return [float(tensor.double().mean())]
    wide = tensor.double()
    return [float(wide.std(correction=c)) for c in (0, 1) if wide.numel() > c] or [math.nan]


def _is_statistic(name: str, value: float, tensor: torch.Tensor, dtype: torch.dtype) -> bool:
    if name == "std" and tensor.numel() == 1 and math.isnan(value):
        return True  # the unbiased deviation of one element
    unit = unit_roundoff(dtype)
    limit = max(1e-9, margins(dtype).roundoff * unit) * (1.0 + float(tensor.abs().max()))
    if name == "std" and bool((tensor == tensor.reshape(-1)[0]).all()):
        limit *= 1 + math.sqrt(unit) / 1e-9  # what is left of the difference of two squares
    return any(abs(value - right) <= limit for right in _statistics(name, tensor))

"""Checks of what a call does beside computing: what it overwrites, leaves behind and logs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch

from harness.checks.compare import Comparison, cotangent_for, steady_stacks, with_gradients
from harness.checks.context import Answered, Bench, Judgement, Trial, number_of
from harness.model import EntryPoint, Fault, LogArgument, TensorArgument
from harness.numerics.expectation import (
    COTANGENT_AFTER_BACKWARD,
    RANDOM_NUMBER,
    Expected,
    Mismatch,
    first_draw,
    untouched,
)
from harness.numerics.inputs import Drawer
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
    "changed_settings": (
        Fault.CHANGED_SETTINGS,
        "the call changes a setting of the process, such as grad mode",
    ),
    "changed_flag": (
        Fault.CHANGED_FLAG,
        "the call leaves its input with another requires_grad than it had",
    ),
    ALIAS: (
        Fault.SHARES_MEMORY,
        "the result shares memory with the input, so a write to one changes the other",
    ),
}


@dataclass(frozen=True)
class NoMutation(Comparison):
    """Inputs, the incoming gradient and the random generator are bit for bit what they were."""

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
        for size in draw.sizes()[:3]:
            case = draw.case(size, stack=next(stacks))
            names = case.differentiable
            kept = untouched(case)
            (seed,) = bench.seeds(f"{self.kind}/{entry.name}/{case.label}", 1)
            kept[DRAW] = Expected.exactly(RANDOM_NUMBER, first_draw(seed))
            forward = Question("forward", case, grad=names, seed=seed)
            if not entry.differentiable:
                kept[RESULT] = bench.reference(case).forward()
                yield Trial(replace(forward, grad=()), kept)
                yield Trial(forward, kept, f"{case.label}, inputs require grad")
                continue
            asked = with_gradients(bench, draw, case)
            (cotangent,) = asked.question.cotangents
            unchanged = Expected.exactly(COTANGENT_AFTER_BACKWARD, cotangent.value)
            # What else it answers is judged too: no question goes without.
            question = replace(asked.question, seed=seed)
            yield Trial(question, {**kept, COTANGENT: unchanged, **asked.expected})
            kept[RESULT] = asked.expected[RESULT]
            yield Trial(forward, kept)
            inner = f"{case.label}, the input is a result of another operation"
            yield Trial(replace(forward, inner=True), kept, inner)
            label = f"{case.label}, nothing requires grad"
            yield Trial(replace(forward, grad=()), kept, label)

    def judgement(self, answered: Answered) -> Judgement:
        for trial, answer in answered.pairs:
            found = trial.mismatch(answer)
            if found is not None and not self._declared(trial, answer):
                return Judgement.differs(found, f"For {trial.about}: {found.message}.", answer.line)
            for fact, (fault, said) in SIDE_EFFECTS.items():
                allowed = fact == ALIAS and (self.views or self._declared(trial, answer))
                if answer.facts.get(fact) and not allowed:
                    return Judgement.failed(f"For {trial.about}: {said}.", fault=fault)
        return Judgement.passed(f"{self.pass_message} in {len(answered.trials)} cases.")

    def _declared(self, trial: Trial, answer: Answer) -> bool:
        """Whether the write is one that the contract allows: the input itself is the result."""
        question = trial.question
        leaf = bool(question.grad) and not question.inner
        if self.input != "declared" or answer.error is not None or leaf:
            return False
        written = {
            name: answer.parts[name]
            for name, expected in trial.expected.items()
            if expected.mismatch(answer.parts.get(name)) is not None and name in answer.parts
        }
        same, result = answer.facts.get("same_as"), answer.parts.get(RESULT)
        return (
            question.ask == "forward"
            and isinstance(same, list)
            and result is not None
            and written.keys() <= {Part(Role.INPUT, place) for place in same}
            # Whatever it says: what is in the input now must be the result.
            and all(torch.equal(tensor, result) for tensor in written.values())
        )


@dataclass(frozen=True)
class Overwritten(Comparison):
    """A value overwritten between forward and backward is noticed, or makes no difference.

    What ``save_for_backward`` keeps is guarded by autograd, which raises; a tensor kept in
    another way gives the gradient at another point without a word.
    """

    kind: ClassVar[str] = "overwritten"
    pass_message: ClassVar[str] = (
        "What is overwritten before backward is noticed or does not matter"
    )

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        stacks = itertools.cycle(steady_stacks(entry))
        for size in draw.sizes()[:2]:
            for target in ("result", *_positions(entry)):
                case = draw.case(size, stack=next(stacks))
                once = with_gradients(bench, draw, case)
                gradients = {k: v for k, v in once.expected.items() if k != RESULT}
                named = "its result" if target == "result" else list(case.tensors)[int(target)]
                yield Trial(
                    replace(once.question, ask="overwritten", overwrite=target, inner=True),
                    gradients,
                    f"{case.label}, {named} overwritten in place before backward",
                )

    def judgement(self, answered: Answered) -> Judgement:
        kept = [(t, answer) for t, answer in answered.pairs if not answer.facts.get("refused")]
        trials, answers = tuple(t for t, _ in kept), [answer for _, answer in kept]
        return super().judgement(replace(answered, trials=trials, answers=answers))


def _positions(entry: EntryPoint) -> list[str]:
    """Places among the tensor arguments of those that have a gradient."""
    tensors = [a for a in entry.arguments if isinstance(a, TensorArgument)]
    return [str(index) for index, argument in enumerate(tensors) if argument.differentiable]


@dataclass(frozen=True)
class LogCalls(Comparison):
    """The log is called once with the output's and once with the gradient's statistics."""

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
        kept = f"{once.label}, the graph kept and run again"
        yield Trial(
            replace(once.question, ask="interleaved"),
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
        backwards = {"forward": 0, "vjp": 1, "interleaved": 2}[trial.question.ask]
        expected = ["forward", *["backward"] * backwards]
        if events != expected:
            return f"the log was called with {events[:4]}, expected {expected}"
        result, *_ = trial.expected.values()
        tensors = (result.low, *[c.value for c in trial.question.cotangents * backwards])
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

"""Checks of how a submission is built: a Function of its own must carry the gradient.

Decided by experiment: autograd's own differentiation is taken away from the candidate and its
Functions are spoiled by a factor; the gradient must come out all the same, times that factor. The
graph comes from the candidate's process and so is used to fail, never to pass. The source only
says where the line is that explains a failure.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch

from harness.checks.compare import only, steady_stacks, subsets, with_gradients
from harness.checks.context import Answered, Bench, DrawnCheck, Judgement, Trial
from harness.checks.turns import Turn, every_rank, in_turn, large_turns, operations
from harness.code import FunctionClass, Source
from harness.code.names import resolve
from harness.code.nodes import walk
from harness.model import EntryPoint, Fault
from harness.numerics.expectation import Expected, Mismatch
from harness.numerics.inputs import Drawer
from harness.numerics.question import Answer
from harness.numerics.rounding import unit_roundoff
from harness.sandbox.inside.part import Part, Role

FORBIDDEN, ALLOWED = "forbidden", "allowed"
# What backwards are spoiled by, from and to, and how often a case is drawn until it shows that.
LEAST_FACTOR, MOST_FACTOR = 1.5, 3.5
MOST_DRAWS = 20
NOT_WITHOUT = "The gradient is another one when autograd is taken away: autograd has a part in it"

# Nodes that move or convert values without computing: a right answer may have
# them around its Function.
CARRIERS = re.compile(
    r"(torch::autograd::)?(AccumulateGrad|CopyBackwards|CopySlices|AsStridedBackward|"
    r"(Unsafe)?ViewBackward|ReshapeAliasBackward|AliasBackward|CloneBackward|ToCopyBackward|"
    r"ExpandBackward|PermuteBackward|TransposeBackward|TBackward|SqueezeBackward|"
    r"UnsqueezeBackward|SliceBackward|SelectBackward|MovedimBackward|FlattenBackward)\d*"
)


AUTOGRAD = {"torch.autograd.grad", "torch.autograd.backward"}
RECORDING = {"torch.enable_grad", "torch.set_grad_enabled"}


def _not_own(message: str, line: int | None = None) -> Judgement:
    return Judgement.failed(message, line=line, fault=Fault.NOT_HAND_WRITTEN)


def functions_in(answer: Answer) -> tuple[str, ...]:
    """The submission's own Functions behind a result, nearest first; several may share a name."""
    return tuple(dict.fromkeys(name for name, _ in _classes_in(answer)))


def lines_in(answer: Answer) -> Iterator[tuple[str, int]]:
    """The submission's own Functions behind a result, and the line of each one's backward."""
    for entry in _graph(answer):
        name, line = entry.get("function"), entry.get("line")
        if isinstance(name, str) and type(line) is int:
            yield name, line


def _classes_in(answer: Answer) -> list[tuple[str, object]]:
    """Name and number of each of those Functions."""
    return [
        (name, str(entry.get("class")))
        for entry in _graph(answer)
        if isinstance(name := entry.get("function"), str)
    ]


def _graph(answer: Answer) -> list[dict[str, object]]:
    graph = answer.facts.get("graph")
    return [e for e in graph if isinstance(e, dict)] if isinstance(graph, list) else []


def _autograd_line(function: FunctionClass, source: Source) -> int | None:
    """A line on which its backward, or a function it calls, asks autograd for a derivative."""
    todo: list[ast.AST] = [function.backward.node] if function.backward is not None else []
    seen = set[str]()
    while todo:
        calls = [node for node in walk(todo.pop()) if isinstance(node, ast.Call)]
        names = [resolve(call.func, source.aliases) or "" for call in calls]
        records = not RECORDING.isdisjoint(names)
        for call, name in zip(calls, names, strict=True):
            if name in AUTOGRAD or name.startswith(("torch.autograd.functional.", "torch.func.")):
                return call.lineno
            if records and isinstance(call.func, ast.Attribute) and call.func.attr == "backward":
                return call.lineno
            if name in source.defs and name not in seen:
                seen.add(name)
                todo.append(source.defs[name])
    return None


def _alike(one: Answer, other: Answer) -> bool:
    """Whether two answers hold the same numbers, give or take rounding."""
    return one.parts.keys() == other.parts.keys() and all(
        _close(got, other.parts[part]) for part, got in one.parts.items()
    )


def _close(one: torch.Tensor, other: torch.Tensor) -> bool:
    if one.shape != other.shape:
        return False
    wide, right = one.double(), other.double()
    unit = unit_roundoff(other.dtype)
    largest = float(right.abs().nan_to_num().max()) if right.numel() else 0.0
    near = {"rtol": max(1e-5, math.sqrt(unit)), "atol": max(1e-8, unit * largest)}
    return torch.allclose(wide, right, equal_nan=True, **near)


def _gradients(trial: Trial) -> dict[Part, Expected]:
    return {part: one for part, one in trial.expected.items() if part.role is Role.GRADIENT}


def _scaled(gradient: Expected, factor: float) -> Expected:
    """The gradient times a factor, rounded once more."""
    return gradient.times(factor).beside(None, 0.0, gradient.quantity)


@dataclass(frozen=True)
class HandWritten(DrawnCheck):
    """The gradient goes through an autograd Function that the submission defines.

    Use it where the request asks for a torch.autograd.Function.
    """

    # ``forbidden``: nothing else may compute between inputs and result; ``allowed``: it may.
    composition: str = FORBIDDEN
    # Whether its backward may leave the derivative to autograd by running it inside.
    autograd: str = FORBIDDEN
    kind: ClassVar[str] = "hand_written"

    def __post_init__(self) -> None:
        for name, value in (("composition", self.composition), ("autograd", self.autograd)):
            if value not in (FORBIDDEN, ALLOWED):
                raise ValueError(f"{name} is {value!r}, expected {FORBIDDEN!r} or {ALLOWED!r}")

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        factor = float(draw.uniform((), LEAST_FACTOR, MOST_FACTOR))
        away = {
            "outside": self.composition == FORBIDDEN,
            "inside": self.autograd == FORBIDDEN,
            "factor": factor,
        }
        for once in self._once_each(bench, entry, draw):
            gradients = _gradients(once)
            if self.composition == FORBIDDEN:
                gradients = {part: _scaled(one, factor) for part, one in gradients.items()}
            for where in (away, {**away, "outside": False, "inside": False}):
                question = replace(once.question, ask="unaided", unaided=where)
                yield Trial(question, gradients, f"{once.label}, autograd away")

    def _once_each(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        """A small case, then one in each situation in which another code may run.

        That is each number of dimensions, dtype and set of inputs that require grad, a large
        tensor, and inputs that are no leaves.
        """
        stack = steady_stacks(entry)[0]
        usual = Turn(torch.float64, draw.small_size())
        made_by, inner = operations(draw), in_turn(draw, (False, True, True, False))
        # What is composed may leave an input to autograd.
        some = subsets(entry) if self.composition == FORBIDDEN else []
        every = [*every_rank(bench, entry, draw), *large_turns(bench, entry, draw)]
        grads = in_turn(draw, [*some, None])
        for turn in [usual, *every]:
            names = operation = None
            if turn is not usual:
                names = next(grads)
                operation = next(made_by) if next(inner) else None
            for _ in range(MOST_DRAWS):
                case = turn.case(draw, stack)
                label = case.label + (f", {only(names)}" if names else "")
                label += ", the input is a result of another operation" if operation else ""
                once = with_gradients(bench, draw, case, names=names, inner=operation, label=label)
                # A gradient of zero shows no factor.
                if all(bool((e.low.abs() > e.least).any()) for e in _gradients(once).values()):
                    yield once
                    break

    def judgement(self, answered: Answered) -> Judgement:
        plain, source = answered.context.plain[answered.entry.name], answered.context.source
        if plain.error is not None:
            return Judgement.raised(plain)
        if not plain.facts.get("requires_grad"):
            return _not_own("The result has no history: no Function carries a gradient.")
        used = functions_in(plain)
        if not used:
            return _not_own(
                "No autograd Function of the submission is behind the result; autograd does it all."
            )
        defined = {function.name: function for function in source.functions}
        line = defined[used[0]].line - source.offset if used[0] in defined else None
        others = [
            str(entry.get("node"))
            for entry in _graph(plain)
            if entry.get("function") is None and not CARRIERS.fullmatch(str(entry.get("node")))
        ]
        if others and self.composition == FORBIDDEN:
            return _not_own(
                f"Beside {', '.join(used)} the gradient goes through {others[0]}: "
                "part of the work is left to autograd.",
                line=line,
            )
        pairs = list(answered.pairs)
        for number, (asked, (_, beside)) in enumerate(zip(pairs[::2], pairs[1::2], strict=True)):
            found = self._left_to_autograd(answered, *asked, beside, line)
            if found is None:
                continue
            if not number:
                return found
            told = f"{found.message[:1].lower()}{found.message[1:]}"
            return replace(found, message=f"For {asked[0].label}: {told}")
        # A Function that is wrong is written by hand all the same.
        return Judgement.passed(f"The gradient goes through {', '.join(used)}.")

    def _left_to_autograd(
        self, answered: Answered, trial: Trial, answer: Answer, beside: Answer, line: int | None
    ) -> Judgement | None:
        """What to say where autograd has a part in one gradient; ``line`` is a Function's."""
        if beside.error is None and answer.error is not None:
            return self._without_autograd(answered, answer)
        if answer.error is None and self._aside(trial, answer):
            return _not_own(
                "The gradient stays the same when what the backward of every Function returns is "
                f"multiplied by {trial.question.factor:.3g}: it does not go through them.",
                line=line,
            )
        if beside.error is None and not _alike(answer, beside):
            return _not_own(f"{NOT_WITHOUT}.", line=line)
        return None

    def _without_autograd(self, answered: Answered, answer: Answer) -> Judgement:
        """Failed by a call that raises where autograd is away."""
        source = answered.context.source
        if self.autograd == FORBIDDEN:
            for function in source.functions:
                inside = _autograd_line(function, source)
                if inside is not None:
                    return _not_own(
                        f"The backward of {function.name} runs autograd on the operation instead "
                        "of computing its derivative.",
                        line=inside,
                    )
        places = [("inside", self.autograd), ("outside", self.composition)]
        where = " and ".join(place for place, allowed in places if allowed == FORBIDDEN)
        return _not_own(
            f"It leaves the derivative to autograd: with autograd taken away {where} its "
            f"Functions the call raises {answer.error_text()}.",
            line=answer.line,
        )

    def _aside(self, trial: Trial, answer: Answer) -> bool:
        """Whether the gradient is right and yet shows no factor."""
        factor = trial.question.factor
        unspoiled = trial.expected
        if self.composition == FORBIDDEN:
            if trial.is_right(answer):
                return False  # it shows it, or is too small for that
            unspoiled = {p: e.times(1 / factor) for p, e in trial.expected.items()}
        return all(e.is_surely_right(answer.parts.get(p)) for p, e in unspoiled.items())

    def doubted(self, trials: tuple[Trial, ...], answers: Sequence[Answer]) -> Mismatch | None:
        """What is wrong with the gradient when autograd is away, where all else is right."""
        if self.composition == ALLOWED:
            return None
        pairs = zip(trials, answers, strict=True)
        return next((m for trial, answer in pairs if (m := trial.mismatch(answer))), None)


@dataclass(frozen=True)
class SeparateFunctions(DrawnCheck):
    """Each entry point has a Function of its own.

    Use it where a request asks for several functions, each with a Function of its own.
    """

    kind: ClassVar[str] = "separate_functions"

    def judgement(self, answered: Answered) -> Judgement:
        used = {name: set(_classes_in(a)) for name, a in answered.context.plain.items()}
        mine = used.pop(answered.entry.name)
        named = ", ".join(sorted(name for name, _ in mine))
        sharing = [name for name, others in used.items() if mine & others]
        if not mine:
            return _not_own("No autograd Function of the submission is behind the result.")
        if sharing and not mine.difference(*used.values()):
            return _not_own(
                f"It shares {named} with {', '.join(sharing)}; "
                "each one was to be a Function of its own."
            )
        return Judgement.passed(f"Its Function is its own: {named}.")

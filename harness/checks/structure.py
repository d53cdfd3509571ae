"""Checks of how a submission is built: a Function of its own must carry the gradient.

The graph comes from the candidate's process and so is used to fail, never to
pass alone: the Functions it names must also stand in the source.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import ClassVar

from harness.checks.context import Answered, DrawnCheck, Judgement
from harness.code import FunctionClass, Source
from harness.code.names import resolve
from harness.model import Fault
from harness.numerics.question import Answer

FORBIDDEN, ALLOWED = "forbidden", "allowed"

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
    """The submission's own Functions behind a result, nearest first."""
    names = [entry["function"] for entry in _graph(answer) if isinstance(entry["function"], str)]
    return tuple(dict.fromkeys(names))


def _graph(answer: Answer) -> list[dict[str, object]]:
    graph = answer.facts.get("graph")
    if not isinstance(graph, list):
        return []
    return [
        {"node": str(entry.get("node")), "function": entry.get("function")}
        for entry in graph
        if isinstance(entry, dict)
    ]


def _autograd_line(function: FunctionClass, source: Source) -> int | None:
    """A line on which its backward, or a function it calls, asks autograd for a derivative."""
    todo: list[ast.AST] = [function.backward.node] if function.backward is not None else []
    seen = set[str]()
    while todo:
        calls = [node for node in ast.walk(todo.pop()) if isinstance(node, ast.Call)]
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


@dataclass(frozen=True)
class HandWritten(DrawnCheck):
    """The gradient goes through an autograd Function that the submission defines."""

    # ``forbidden``: nothing else may compute between inputs and result; ``allowed``: it may.
    composition: str = FORBIDDEN
    # Whether its backward may leave the derivative to autograd by running it inside.
    autograd: str = FORBIDDEN
    kind: ClassVar[str] = "hand_written"

    def __post_init__(self) -> None:
        for name, value in (("composition", self.composition), ("autograd", self.autograd)):
            if value not in (FORBIDDEN, ALLOWED):
                raise ValueError(f"{name} is {value!r}, expected {FORBIDDEN!r} or {ALLOWED!r}")

    def judgement(self, answered: Answered) -> Judgement:
        plain, source = answered.context.plain[answered.entry.name], answered.context.source
        if plain.error is not None:
            return Judgement.raised(plain)
        if not plain.facts.get("requires_grad"):
            return _not_own("The result has no history: no Function carries a gradient.")
        used = functions_in(plain)
        defined = {function.name: function for function in source.functions}
        if not used:
            return _not_own(
                "No autograd Function of the submission is behind the result; autograd does it all."
            )
        unknown = [name for name in used if name not in defined]
        if unknown:
            return _not_own(
                f"The result claims to come from {unknown[0]}, which the source does not define."
            )
        line = defined[used[0]].line - source.offset
        if defined[used[0]].backward is None:
            return _not_own(f"{used[0]} has no backward of its own.", line=line)
        others = [
            str(entry["node"])
            for entry in _graph(plain)
            if entry["function"] is None and not CARRIERS.fullmatch(str(entry["node"]))
        ]
        if others and self.composition == FORBIDDEN:
            return _not_own(
                f"Beside {', '.join(used)} the gradient goes through {others[0]}: "
                "part of the work is left to autograd.",
                line=line,
            )
        if self.autograd == FORBIDDEN:
            for name in used:
                inside = _autograd_line(defined[name], source)
                if inside is not None:
                    return _not_own(
                        f"The backward of {name} runs autograd on the operation instead of "
                        "computing its derivative.",
                        line=inside,
                    )
        return Judgement.passed(f"The gradient goes through {', '.join(used)}.")


@dataclass(frozen=True)
class SeparateFunctions(DrawnCheck):
    """Each entry point has a Function of its own."""

    kind: ClassVar[str] = "separate_functions"

    def judgement(self, answered: Answered) -> Judgement:
        used = {name: set(functions_in(a)) for name, a in answered.context.plain.items()}
        mine = used.pop(answered.entry.name)
        sharing = [name for name, others in used.items() if mine & others]
        if not mine:
            return _not_own("No autograd Function of the submission is behind the result.")
        if sharing and not mine.difference(*used.values()):
            return _not_own(
                f"It shares {', '.join(sorted(mine))} with {', '.join(sharing)}; "
                "each one was to be a Function of its own."
            )
        return Judgement.passed(f"Its Function is its own: {', '.join(sorted(mine))}.")

"""The values that source analysis gives: Functions, gradcheck calls, the whole file."""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from harness.code.names import resolve
from harness.code.nodes import Def


@dataclass(frozen=True)
class Method:
    """A method of a Function."""

    name: str
    line: int
    node: ast.FunctionDef
    # Names in order, ``ctx`` included where the method takes it.
    parameters: tuple[str, ...]


@dataclass(frozen=True)
class Return:
    """One ``return`` of a backward."""

    line: int
    # The values where they can be told apart; ``None`` where they cannot be counted.
    values: tuple[ast.expr, ...] | None

    @property
    def count(self) -> int | None:
        """How many gradients it returns; ``None`` where that is not visible."""
        return None if self.values is None else len(self.values)


@dataclass(frozen=True)
class FunctionClass:
    """A class that is an ``autograd.Function``."""

    name: str
    line: int
    # Its own methods and those of local bases, by name.
    methods: Mapping[str, Method]
    # Per return statement of its backward, in order.
    returns: tuple[Return, ...]

    @property
    def forward(self) -> Method | None:
        """Its forward; ``None`` for an abstract base."""
        return self.methods.get("forward")

    @property
    def backward(self) -> Method | None:
        """Its backward, also under its other name ``vjp``."""
        return self.methods.get("backward") or self.methods.get("vjp")

    @property
    def setup_context(self) -> Method | None:
        """The method that saves, where forward does not take ``ctx``."""
        return self.methods.get("setup_context")

    @property
    def inputs(self) -> tuple[str, ...] | None:
        """Names of what ``apply`` takes; ``None`` where it takes ``*args``."""
        if self.forward is None or self.forward.node.args.vararg is not None:
            return None
        return self.forward.parameters[0 if self.setup_context else 1 :]


@dataclass(frozen=True)
class GradcheckCall:
    """A place that calls ``gradcheck`` or ``gradgradcheck``."""

    name: str
    line: int
    # Function it stands in; ``None`` at module level.
    inside: str | None
    # What is checked, as source text.
    target: str
    # Functions applied by the target; ``None`` where that cannot be told.
    functions: frozenset[str] | None
    # ``double``, ``single`` or ``unknown``: what the surrounding code makes its inputs.
    precision: str
    # Constant keyword arguments, e.g. ``atol``.
    options: Mapping[str, float | bool]
    # Whether the result is asserted, returned or assigned.
    used: bool
    # Whether an ``except`` around it swallows the failure.
    swallowed: bool

    @property
    def ignored(self) -> bool:
        """Whether a failure would go unnoticed."""
        return self.swallowed or (self.options.get("raise_exception") is False and not self.used)


class Lines:
    """Lines of some spans; looking one up costs next to nothing, however many spans there are."""

    def __init__(self, spans: Iterable[range]) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []
        for span in sorted(spans, key=lambda span: span.start):
            if self._stops and span.start <= self._stops[-1]:
                self._stops[-1] = max(self._stops[-1], span.stop)
            else:
                self._starts.append(span.start)
                self._stops.append(span.stop)

    def __contains__(self, line: int) -> bool:
        place = bisect_right(self._starts, line) - 1
        return place >= 0 and line < self._stops[place]


@dataclass(frozen=True)
class Source:
    """Everything the other modules ask of a submission's code."""

    tree: ast.Module
    # Lines to add to a line of ``tree``.
    offset: int
    # Why the code could not be read; the rest is empty then.
    error: str | None = None
    # Dotted name behind each imported or assigned name.
    aliases: Mapping[str, str] = field(default_factory=dict)
    # In the order of their definition.
    functions: tuple[FunctionClass, ...] = ()
    gradchecks: tuple[GradcheckCall, ...] = ()
    # Every function of the file by name, nested ones and methods of other classes included.
    defs: Mapping[str, Def] = field(default_factory=dict)
    # Functions that a name applies directly, e.g. ``swish_beta`` -> ``{"SwishBeta"}``.
    applies: Mapping[str, frozenset[str]] = field(default_factory=dict)
    # Names each function mentions.
    mentions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    # Names of test functions, by their name.
    tests: tuple[str, ...] = ()
    # Lines of the text under ``if __name__ == "__main__"``.
    main_lines: tuple[range, ...] = ()
    # Names called from there.
    called_from_main: frozenset[str] = frozenset()

    def resolve(self, node: ast.AST) -> str | None:
        """The dotted name an expression stands for, e.g. ``torch.autograd.grad``."""
        return resolve(node, self.aliases)

    def reached(self, name: str) -> frozenset[str]:
        """Functions applied when ``name`` is called, through helpers too."""
        return self.reached_from(frozenset({name}))

    def reached_from(self, names: frozenset[str]) -> frozenset[str]:
        """Functions applied when any of ``names`` is called."""
        known = {function.name for function in self.functions}
        found, todo, seen = set[str](), set(names), set[str]()
        while todo:
            name = todo.pop()
            seen.add(name)
            found |= {name} & known
            found |= self.applies.get(name, frozenset())
            todo |= (self.mentions.get(name, frozenset()) & self.linked) - seen
        return frozenset(found)

    @cached_property
    def linked(self) -> frozenset[str]:
        """Names that are functions of the file or stand for one."""
        return frozenset(self.mentions) | frozenset(self.applies)

    @cached_property
    def test_lines(self) -> Lines:
        """Lines of test functions and of the main guard."""
        spans = [
            range(self.line(self.defs[n]), (self.defs[n].end_lineno or 0) + self.offset + 1)
            for n in self.tests
        ]
        return Lines((*spans, *self.main_lines))

    def in_test(self, line: int) -> bool:
        """Whether a line of the text belongs to test code."""
        return line in self.test_lines

    def line(self, node: ast.stmt | ast.expr) -> int:
        """Line of the submission's text on which ``node`` starts."""
        return node.lineno + self.offset

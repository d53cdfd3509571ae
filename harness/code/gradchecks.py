"""The gradcheck calls of a file: what each one checks, in which precision, and who notices."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice

from harness.code.names import GRADCHECKS, last, mentioned
from harness.code.nodes import Def, children, every, walk
from harness.code.syntax import GradcheckCall, Source

_DOUBLE = frozenset({"double", "float64", "cdouble", "complex128"})
_SINGLE = frozenset({"float", "float32", "half", "float16", "bfloat16"})
_CREATOR = re.compile(r"torch\.(?:rand|randn|tensor|linspace|ones|zeros|arange|full|empty)(?:_|$)")
_POSITIONAL = ("eps", "atol", "rtol", "raise_exception")
# Names followed per call, what each may stand for, and calls read; more is not something a person
# wrote, and following them all would let a submission keep the grader busy.
_MAX_NAMES, _MAX_ORIGINS, _MAX_CALLS = 64, 100, 100
# Pieces of syntax in all calls that are read; those within one another are counted again.
_MAX_PIECES = 100_000


def find_gradchecks(source: Source) -> tuple[GradcheckCall, ...]:
    """The calls of gradcheck or gradgradcheck, in order of lines; the first found."""
    reader = _Reader(source)
    found = reader.visit(source.tree, None, False, False)
    return tuple(sorted(islice(found, _MAX_CALLS), key=lambda call: call.line))


@dataclass
class _Reader:
    source: Source
    # Pieces of syntax that are still read.
    room: int = _MAX_PIECES
    # Expressions that a name was given somewhere, loops included.
    given: dict[str, list[ast.expr]] = field(default_factory=lambda: defaultdict(list))
    # Calls by the last part of what they call.
    calls: dict[str, list[ast.Call]] = field(default_factory=lambda: defaultdict(list))
    # Functions by the names they mention.
    users: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    spoken: dict[int, frozenset[str]] = field(default_factory=dict)
    named: dict[int, frozenset[str]] = field(default_factory=dict)
    applied: dict[int, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for node in every(self.source.tree):
            match node:
                case ast.Assign(targets=targets, value=value):
                    self._give(targets, value)
                case ast.AugAssign(target=target, value=value):
                    self._give([target], value)
                case (
                    ast.For(target=target, iter=value)
                    | ast.comprehension(target=target, iter=value)
                ):
                    self._give([target], value)
                case ast.Call(func=func):
                    self.calls[last(func)].append(node)
        for user, names in self.source.mentions.items():
            for name in names:
                self.users[name].append(user)

    def _give(self, targets: list[ast.expr], value: ast.expr) -> None:
        for target in targets:
            for name in mentioned(target):
                self.given[name].append(value)

    def visit(
        self, node: ast.AST, inside: Def | None, used: bool, swallowed: bool
    ) -> Iterator[GradcheckCall]:
        for child in children(node):
            noticed = not isinstance(child, ast.Expr) and (used or isinstance(child, ast.stmt))
            silenced = swallowed and not isinstance(child, Def)
            if isinstance(node, ast.Try) and child in node.body:
                silenced = silenced or any(_swallows(h) for h in node.handlers)
            if isinstance(node, ast.With) and child in node.body:
                silenced = silenced or any(self._expects_failure(i) for i in node.items)
            if isinstance(child, ast.Call):
                name = GRADCHECKS.get(self.source.resolve(child.func) or "")
                if name and self.room > 0:
                    self.room -= sum(1 for _ in walk(child))
                    yield self.read(child, name, inside, noticed, silenced)
            within = child if isinstance(child, Def) else inside
            yield from self.visit(child, within, noticed, silenced)

    def _expects_failure(self, item: ast.withitem) -> bool:
        call = item.context_expr
        name = self.source.resolve(call.func) if isinstance(call, ast.Call) else None
        return (name or "").split(".")[-1] in {"suppress", "raises", "assertRaises"}

    def read(
        self, call: ast.Call, name: str, inside: Def | None, used: bool, swallowed: bool
    ) -> GradcheckCall:
        keywords = {k.arg: k.value for k in call.keywords if k.arg}
        target = call.args[0] if call.args else keywords.get("func")
        given = {**dict(zip(_POSITIONAL, call.args[2:], strict=False)), **keywords}
        return GradcheckCall(
            name=name,
            line=self.source.line(call),
            inside=inside.name if inside else None,
            target=ast.unparse(target) if target else "",
            functions=self.targets(target, inside) if target else None,
            precision=self.precision(call, inside),
            options={
                key: value.value
                for key, value in given.items()
                if isinstance(value, ast.Constant) and isinstance(value.value, bool | int | float)
            },
            used=used,
            swallowed=swallowed,
        )

    def targets(self, target: ast.expr, inside: Def | None) -> frozenset[str] | None:
        """Functions behind a target; follows local names, parameters and loop variables."""
        names, seen = set(mentioned(target)), set[str]()
        applied = set(_applied(target))
        settled = False
        while names - seen and len(seen) < _MAX_NAMES:
            name = min(names - seen)
            seen.add(name)
            if name in self.source.linked or any(f.name == name for f in self.source.functions):
                settled = True
                continue
            for origin in islice(self._origins(name, inside), _MAX_ORIGINS):
                if id(origin) not in self.named:
                    self.named[id(origin)] = mentioned(origin)
                    self.applied[id(origin)] = _applied(origin)
                names |= self.named[id(origin)]
                applied |= self.applied[id(origin)]
                settled = settled or not self.named[id(origin)]
        reached = self.source.reached_from(frozenset(seen & self.source.linked) | applied)
        if reached or settled or not self.source.functions:
            return reached
        # A target made of torch alone applies no Function; anything else is unknown.
        own = {n.arg for n in walk(target) if isinstance(n, ast.arg)}
        foreign = {self.source.aliases.get(n, "").split(".")[0] for n in mentioned(target) - own}
        return frozenset() if foreign <= {"torch", "math"} else None

    def _origins(self, name: str, inside: Def | None) -> Iterator[ast.expr]:
        """Expressions that a local name may stand for, nearest scope first."""
        values = self.given.get(name, [])
        if inside is None:
            yield from values
            return
        parameters = [a.arg for a in (*inside.args.posonlyargs, *inside.args.args)]
        if name in parameters:
            position = parameters.index(name)
            for call in self.calls.get(inside.name, [])[:_MAX_ORIGINS]:
                yield from call.args[position:][:1]
                yield from (k.value for k in call.keywords if k.arg == name)
        local = [v for v in values if inside.lineno <= v.lineno <= (inside.end_lineno or 0)]
        yield from local or values

    def precision(self, call: ast.Call, inside: Def | None) -> str:
        """``double`` where anything that makes the inputs says so."""
        scopes: list[ast.AST] = [call]
        if inside:
            scopes += [inside, *self.calls.get(inside.name, [])[:_MAX_ORIGINS]]
            helpers = mentioned(call) | self.source.mentions.get(inside.name, frozenset())
            # Inputs are often made by a local maker or handed in by the caller.
            users = self.users.get(inside.name, [])[:_MAX_ORIGINS]
            scopes += [
                self.source.defs[n] for n in (*sorted(helpers), *users) if n in self.source.defs
            ]
        defined_here = {n for n in mentioned(call) if n in self.given}
        words = [self._words(scope) for scope in scopes]
        if not inside or defined_here:
            words.append(self._top_words)
        if any(w & _DOUBLE for w in words):
            return "double"
        if any(w & _SINGLE or any(_CREATOR.match(x) for x in w) for w in words):
            return "single"
        return "unknown"

    @cached_property
    def _top_words(self) -> frozenset[str]:
        """Words of what runs when the file is run."""
        body = self.source.tree.body
        return frozenset().union(
            *(self._words(s) for s in body if not isinstance(s, Def | ast.ClassDef))
        )

    def _words(self, node: ast.AST) -> frozenset[str]:
        if id(node) not in self.spoken:
            found: set[str] = set()
            for inner in walk(node):
                if isinstance(inner, ast.Attribute):
                    found |= {inner.attr, self.source.resolve(inner) or ""}
                elif isinstance(inner, ast.Name):
                    found.add(self.source.aliases.get(inner.id, inner.id).split(".")[-1])
                elif isinstance(inner, ast.Constant) and inner.value in ("float64", "double"):
                    found.add("double")
            self.spoken[id(node)] = frozenset(found)
        return self.spoken[id(node)]


def _swallows(handler: ast.ExceptHandler) -> bool:
    """Whether a handler goes on as if nothing had happened."""
    nodes = [n for statement in handler.body for n in walk(statement)]
    leaves = any(isinstance(n, ast.Raise | ast.Assert | ast.Return) for n in nodes)
    calls = {last(n.func) for n in nodes if isinstance(n, ast.Call)}
    return not leaves and not calls & {"exit", "_exit", "fail", "append"}


def _applied(node: ast.AST) -> frozenset[str]:
    return frozenset(
        last(n.value) for n in walk(node) if isinstance(n, ast.Attribute) and n.attr == "apply"
    )

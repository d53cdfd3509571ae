"""Writes into tensors that belong to somebody else: inputs, saved tensors, incoming gradients.

Cautious: a tensor that the Function may have made itself is its own.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count

from harness.code import Source
from harness.code.names import last
from harness.code.nodes import Def, walk
from harness.flags.kind import ctx_name
from harness.flags.vocabulary import HARMLESS, VIEWS


@dataclass(frozen=True)
class Write:
    """A place that changes a tensor which belongs to somebody else."""

    line: int
    # Name of the tensor as first bound: a parameter or a saved tensor.
    name: str
    # ``input``, ``gradient`` or ``saved``.
    owner: str


def writes(
    node: Def, owned: Mapping[str, str], source: Source, tensors: Mapping[str, bool | None]
) -> list[Write]:
    """Places of a method that change its inputs, saved tensors or incoming gradients.

    ``owned`` maps a name to its owner's kind; ``tensors`` says which of them hold tensors.
    """
    walker = _Walker(source, ctx_name(node), dict(tensors))
    walker.body(node.body, {name: (name, owner) for name, owner in owned.items()})
    return list(dict.fromkeys(walker.found))


# Statements walked per method before giving up.
_MAX_STEPS = 10_000
_Shared = dict[str, tuple[str, str]]


@dataclass
class _Walker:
    source: Source
    ctx: str
    tensors: dict[str, bool | None]
    depth: int = 0
    # Statements looked at, helpers included; loops are walked twice, so nesting would multiply.
    steps: Iterator[int] = field(default_factory=count)
    found: list[Write] = field(default_factory=list)

    def body(self, statements: list[ast.stmt], shared: _Shared) -> _Shared:
        for statement in statements:
            shared = self.statement(statement, shared)
        return shared

    def statement(self, node: ast.stmt, shared: _Shared) -> _Shared:
        if next(self.steps) > _MAX_STEPS:
            return shared
        match node:
            case ast.Assign(targets=targets, value=value):
                self.expression(value, shared)
                for target in targets:
                    shared = self.assign(target, value, shared)
                return shared
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self.expression(value, shared)
                return self.assign(target, value, shared)
            case ast.AugAssign(target=target, value=value):
                self.expression(value, shared)
                self.written(target, node, shared, augmented=True)
                return shared
            case ast.If(test=test, body=body, orelse=orelse):
                self.expression(test, shared)
                return self.merged(shared, body, orelse)
            case ast.For(iter=head, body=body, orelse=orelse):
                self.expression(head, shared)
                again = self.merged(shared, body, [])
                return self.body(orelse, self.merged(again, body, []))
            case ast.While(test=test, body=body, orelse=orelse):
                self.expression(test, shared)
                return self.body(orelse, self.merged(shared, body, []))
            case ast.With(items=items, body=body):
                for item in items:
                    self.expression(item.context_expr, shared)
                return self.body(body, shared)
            case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=final):
                shared = self.body([*body, *orelse], shared)
                for handler in handlers:
                    shared = {**shared, **self.body(handler.body, dict(shared))}
                return self.body(final, shared)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return shared
        self.expression(node, shared)
        return shared

    def merged(self, shared: _Shared, *branches: list[ast.stmt]) -> _Shared:
        results = [self.body(branch, dict(shared)) for branch in branches]
        return {name: origin for result in results for name, origin in result.items()}

    def assign(self, target: ast.expr, value: ast.expr, shared: _Shared) -> _Shared:
        if isinstance(target, ast.Tuple | ast.List):
            values = value.elts if isinstance(value, ast.Tuple | ast.List) else None
            if values is not None and len(values) == len(target.elts):
                for inner, given in zip(target.elts, values, strict=True):
                    shared = self.assign(inner, given, shared)
                return shared
            for inner in target.elts:
                shared = self.assign(inner, value, shared)
            return shared
        if isinstance(target, ast.Starred):
            return self.assign(target.value, value, shared)
        if isinstance(target, ast.Name):
            origin = self.origin(value, shared)
            shared = {name: o for name, o in shared.items() if name != target.id}
            if origin is not None:
                name = target.id if origin[0] == self.ctx else origin[0]
                shared[target.id] = (name, origin[1])
                self.tensors[target.id] = True
            return shared
        self.written(target, target, shared)
        return shared

    def expression(self, node: ast.AST, shared: _Shared) -> None:
        """Look at every call inside an expression."""
        for call in walk(node):
            if not isinstance(call, ast.Call):
                continue
            dotted = self.source.resolve(call.func) or ""
            name = last(call.func)
            mutates = name.endswith("_") and not name.endswith("__") and name not in HARMLESS
            if mutates and dotted.startswith("torch."):
                if call.args and not dotted.startswith("torch.nn.init"):
                    self.written(call.args[0], call, shared)
            elif mutates and isinstance(call.func, ast.Attribute):
                self.written(call.func.value, call, shared)
            for keyword in call.keywords:
                if keyword.arg == "out":
                    self.written(keyword.value, call, shared)
                elif (
                    keyword.arg == "inplace"
                    and isinstance(keyword.value, ast.Constant)
                    and keyword.value.value is True
                    and call.args
                ):
                    self.written(call.args[0], call, shared)
            self.helper(call, shared)

    def helper(self, call: ast.Call, shared: _Shared) -> None:
        """Follow shared tensors into functions of the same file."""
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        node = self.source.defs.get(name)
        if node is None or self.depth >= 2:
            return
        parameters = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
        handed = {
            parameter: origin
            for parameter, given in zip(parameters, call.args, strict=False)
            if (origin := self.origin(given, shared)) is not None and self.is_tensor(given)
        }
        if handed:
            inner = _Walker(
                self.source,
                "",
                dict.fromkeys(handed, True),
                self.depth + 1,
                self.steps,
                self.found,
            )
            inner.body(node.body, handed)

    def origin(self, node: ast.expr, shared: _Shared) -> tuple[str, str] | None:
        """Whose memory an expression may be; ``None`` for memory of its own."""
        match node:
            case ast.Name(id=name):
                return shared.get(name)
            case ast.Attribute(value=ast.Name(id=name), attr="saved_tensors") if name == self.ctx:
                return (self.ctx, "saved")
            case ast.Attribute(value=value, attr=attr) if attr in VIEWS:
                return self.origin(value, shared)
            case ast.Subscript(value=value, slice=index):
                return self.origin(value, shared) if self.basic(index) else None
            case ast.Call(func=ast.Attribute(value=value, attr=attr)) if attr in VIEWS or (
                attr.endswith("_") and not attr.endswith("__")
            ):
                return self.origin(value, shared)
            case ast.IfExp(body=body, orelse=orelse):
                return self.origin(body, shared) or self.origin(orelse, shared)
            case ast.NamedExpr(value=value) | ast.Starred(value=value):
                return self.origin(value, shared)
        return None

    def basic(self, index: ast.expr) -> bool:
        """Whether indexing gives a view: slices and constants do, masks and lists do not."""
        parts = index.elts if isinstance(index, ast.Tuple) else [index]
        return all(
            isinstance(p, ast.Slice | ast.Constant)
            or (isinstance(p, ast.UnaryOp) and isinstance(p.operand, ast.Constant))
            for p in parts
        )

    def is_tensor(self, node: ast.expr) -> bool:
        while isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Starred):
            node = node.func if isinstance(node, ast.Call) else node.value
        return isinstance(node, ast.Name) and self.tensors.get(node.id) is not False

    def written(
        self, target: ast.expr, at: ast.stmt | ast.expr, shared: _Shared, augmented: bool = False
    ) -> None:
        """Record a change of ``target`` if it is somebody else's tensor."""
        if isinstance(target, ast.Subscript):
            # ``x[mask] = 0`` writes into x whatever the index is.
            origin = self.origin(target.value, shared)
        else:
            origin = self.origin(target, shared)
        if origin is None:
            return
        plain = augmented and isinstance(target, ast.Name)
        if plain and isinstance(target, ast.Name) and self.tensors.get(target.id) is not True:
            # ``alpha *= 2`` only rebinds a number; it must be known to be a tensor.
            return
        if self.is_tensor(target):
            self.found.append(Write(self.source.line(at), origin[0], origin[1]))

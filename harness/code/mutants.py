"""Code that is changed in one place, for runs of its own tests that are to notice it.

Changes are made in a function and in what it mentions: a comparison or an operator is another, an
integer is one more, a text is longer, a condition is negated, a sign or a call is left out, what is
returned is nothing. Loops with a condition are left alone, as they might never end.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from harness.code.nodes import children, walk
from harness.code.parsing import Unreadable, parse

_CHARACTERS = 60
_OTHER: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
# Methods and functions of tensors, each with what it is confused with.
_CONFUSED = {
    "tanh": "sigmoid",
    "sigmoid": "tanh",
    "exp": "expm1",
    "expm1": "exp",
    "log": "log1p",
    "log1p": "log",
    "sin": "cos",
    "cos": "sin",
    "mean": "sum",
    "sum": "mean",
    "amax": "amin",
    "amin": "amax",
    "rsqrt": "sqrt",
    "sqrt": "rsqrt",
    "abs": "neg",
    "zeros_like": "ones_like",
    "ones_like": "zeros_like",
}
_OTHER_NAME = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Mutant:
    """A file that is changed in one place."""

    # The function that the change is in or behind.
    entry: str
    # Line of the change, from 1.
    line: int
    # What stood there and what does now, each cut to a length that fits a line.
    before: str
    after: str
    # The whole file with it.
    code: str

    @property
    def words(self) -> str:
        """Line of the change, what stands there and what stood there."""
        return f"line {self.line}: `{self.after}` for `{self.before}`"


def mutants(code: str, entry: str, *, tensors: bool = False) -> list[Mutant]:
    """Every change of the function ``entry`` and of functions of the file that it mentions.

    With ``tensors`` also those that are likely in formulas: a sign that is gone, another constant,
    ``mean`` for ``sum``, no ``clone``.
    """
    try:
        tree = parse(code)
    except Unreadable:
        return []
    found: list[Mutant] = []
    for node in _within(tree, entry):
        before = _written(node)
        ways = chain(_changes(node), _tensor_changes(node) if tensors else ())
        stands = node.target if isinstance(node, ast.comprehension) else node
        line = getattr(stands, "lineno", 1)
        for _ in ways:
            found.append(Mutant(entry, line, before, _written(node), ast.unparse(tree)))
        for whole, shorter in () if tensors else _left_out(node):
            about = _written(whole), _written(shorter)
            found.append(Mutant(entry, whole.lineno, *about, ast.unparse(tree)))
    return found


def _left_out(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Put what a sign or a call is about in its place, once for each child that is one."""
    for name, child in ast.iter_fields(node):
        if isinstance(child, ast.expr) and (shorter := _without(child)) is not None:
            setattr(node, name, shorter)
            yield child, shorter
            setattr(node, name, child)


def _without(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.UnaryOp(op=ast.USub() | ast.Not(), operand=operand):
            return operand
        case ast.Call(func=ast.Name(), args=[first], keywords=[]):
            return first
        case ast.Call(func=ast.Attribute(value=owner), args=[], keywords=[]):
            return owner
    return None


def changed_in(code: str, before: str, after: str) -> str | None:
    """``code`` with each statement that ``after`` has another of than ``before`` as it is there.

    ``None`` where it holds no such statement, as it imports what ``before`` defines.
    """
    try:
        tree, old, new = parse(code), parse(before), parse(after)
    except Unreadable:
        return None
    pairs = zip(map(ast.dump, old.body), new.body, strict=True)
    instead = {dump: one for dump, one in pairs if dump != ast.dump(one)}
    found = [instead.get(ast.dump(one), one) for one in tree.body]
    if all(one is other for one, other in zip(found, tree.body, strict=True)):
        return None
    tree.body = found
    return ast.unparse(tree)


def _written(node: ast.AST) -> str:
    """The first line of a node, and no more of a statement than its condition."""
    return _cut("".join(ast.unparse(node).strip().splitlines()[:1]))


def _cut(text: str) -> str:
    return text if len(text) <= _CHARACTERS else f"{text[:_CHARACTERS]}…"


def _within(tree: ast.Module, entry: str) -> list[ast.AST]:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    defs: dict[str, ast.AST] = {}
    todo_in = list(tree.body)
    for stmt in todo_in:
        if isinstance(stmt, kinds):
            defs.setdefault(stmt.name, stmt)
        elif isinstance(stmt, ast.If | ast.Try | ast.With):
            todo_in += [inner for inner in children(stmt) if isinstance(inner, ast.stmt)]
        elif isinstance(stmt, ast.Assign | ast.AnnAssign):
            targets = stmt.targets if isinstance(stmt, ast.Assign) else [stmt.target]
            # A name for something else, or a table that is looked up.
            defs |= {one.id: stmt for one in targets if isinstance(one, ast.Name)}
    found: list[ast.AST] = []
    names, todo = {entry}, [entry]
    for name in todo:
        if name in defs:
            for node in _nodes(defs[name]):
                found.append(node)
                if isinstance(node, ast.Name) and node.id not in names:
                    names.add(node.id)
                    todo.append(node.id)
    return found


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """What a change may be made in; no annotations, defaults or loops with a condition."""
    yield node
    if isinstance(node, ast.While | ast.arguments | ast.JoinedStr | ast.Raise | ast.Assert):
        # Names are looked up there, too.
        yield from (inner for inner in walk(node) if isinstance(inner, ast.Name))
        return
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return  # a docstring
    for child in children(node):
        yield from _nodes(child)


def _changes(node: ast.AST) -> Iterator[None]:
    """Change a node in place, once for each way; it is as before in the end."""
    match node:
        case ast.Compare(ops=[op, *rest]) if type(op) in _OTHER:
            node.ops = [_OTHER[type(op)](), *rest]  # type: ignore[list-item]
            yield
            node.ops = [op, *rest]
        case ast.BinOp(op=op) | ast.AugAssign(op=op) | ast.BoolOp(op=op) if type(op) in _OTHER:
            node.op = _OTHER[type(op)]()  # type: ignore[assignment]
            yield
            node.op = op
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            node.value = value + 1
            yield
            node.value = value
        case ast.Constant(value=bool(value)):
            node.value = not value
            yield
            node.value = value
        case ast.Constant(value=str(value)):
            node.value = value + "x"
            yield
            node.value = value
        case ast.If(test=test) | ast.IfExp(test=test):
            node.test = ast.UnaryOp(ast.Not(), test)
            yield
            node.test = test
        case ast.comprehension(ifs=[test, *others]):
            node.ifs = [ast.UnaryOp(ast.Not(), test), *others]
            yield
            node.ifs = [test, *others]
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            node.value = ast.Constant(None)
            yield
            node.value = value
        case ast.Call(func=ast.Name(id=name) as func) if name in _OTHER_NAME:
            func.id = _OTHER_NAME[name]
            yield
            func.id = name


def _tensor_changes(node: ast.AST) -> Iterator[None]:
    match node:
        case ast.UnaryOp(op=ast.USub()):
            node.op = ast.UAdd()
            yield
            node.op = ast.USub()
        case ast.Constant(value=float(value)):
            node.value = value * 1.5 if value else 1.0
            yield
            node.value = value
        case ast.Call(func=ast.Attribute(attr=name) as func) if name in _CONFUSED:
            func.attr = _CONFUSED[name]
            yield
            func.attr = name
        case ast.Call(func=ast.Attribute(value=value, attr="clone") as func, args=[]):
            func.attr, node.args = "view_as", [value]
            yield
            func.attr, node.args = "clone", []

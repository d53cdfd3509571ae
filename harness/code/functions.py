"""The autograd Functions of a file: their methods, and what each backward returns."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import islice

from harness.code.names import FUNCTIONS, mentioned, resolve
from harness.code.nodes import every, own_nodes, walk
from harness.code.syntax import FunctionClass, Method, Return

# More than anybody writes; what costs its square or its cube would keep the grader busy: bases of
# a class, values given to one name, returns of a backward, and pieces of syntax in the methods of
# all Functions together, those counted again that several of them share.
_MAX_LINEAGE = 32
_MAX_VALUES, _MAX_RETURNS = 16, 100
_MAX_PIECES = 300_000


def find_functions(
    tree: ast.Module, aliases: Mapping[str, str], offset: int
) -> tuple[FunctionClass, ...]:
    """Every class that derives from ``autograd.Function``, through local bases too.

    Raises ``ValueError`` where they have more in their methods than is reasonable.
    """
    classes = {n.name: n for n in every(tree) if isinstance(n, ast.ClassDef)}
    children: dict[str, list[str]] = defaultdict(list)
    todo: list[str] = []
    for name, node in classes.items():
        for base in _bases(node, aliases):
            # A local class that happens to be called Function is judged by its own bases.
            if base in FUNCTIONS and (base not in classes or base == name):
                todo.append(name)
            children[base.split(".")[-1]].append(name)
    known: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in known:
            known.add(name)
            todo += children[name]
    ordered = sorted((classes[name] for name in known), key=lambda node: node.lineno)
    defs = {n.name: n for n in every(tree) if isinstance(n, ast.FunctionDef)}
    found: list[FunctionClass] = []
    pieces, sizes = 0, dict[int, int]()
    for node in ordered:
        function = _function(node, classes, defs, aliases, offset)
        for method in function.methods.values():
            key = id(method.node)
            sizes[key] = sizes.get(key) or sum(1 for _ in walk(method.node))
            pieces += sizes[key]
        if pieces > _MAX_PIECES:
            raise ValueError("its Functions have longer methods than are read")
        found.append(function)
    return tuple(found)


def _bases(node: ast.ClassDef, aliases: Mapping[str, str]) -> list[str]:
    return [resolve(base, aliases) or "" for base in node.bases]


def _function(
    node: ast.ClassDef,
    classes: Mapping[str, ast.ClassDef],
    defs: Mapping[str, ast.FunctionDef],
    aliases: Mapping[str, str],
    offset: int,
) -> FunctionClass:
    methods: dict[str, Method] = {}
    for owner in _lineage(node, classes, aliases):
        for name, item in _methods(owner, defs):
            if name not in methods:
                methods[name] = Method(
                    name,
                    item.lineno + offset,
                    item,
                    tuple(a.arg for a in (*item.args.posonlyargs, *item.args.args)),
                )
    backward = methods.get("backward") or methods.get("vjp")
    return FunctionClass(
        node.name,
        node.lineno + offset,
        methods,
        tuple(islice(_returns(backward.node, offset), _MAX_RETURNS)) if backward else (),
    )


def _methods(
    owner: ast.ClassDef, defs: Mapping[str, ast.FunctionDef]
) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Its ``def``s, and functions assigned to a name: ``backward = staticmethod(_backward)``."""
    for item in owner.body:
        match item:
            case ast.FunctionDef():
                yield item.name, item
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                if isinstance(value, ast.Call) and len(value.args) == 1:
                    value = value.args[0]
                if isinstance(value, ast.Name) and value.id in defs:
                    yield name, defs[value.id]
                elif isinstance(value, ast.Lambda):
                    yield name, _spelled_out(name, value)


def _spelled_out(name: str, value: ast.Lambda) -> ast.FunctionDef:
    """A lambda as the ``def`` that it stands for, at the same place."""
    body = ast.copy_location(ast.Return(value.body), value.body)
    spelled = ast.FunctionDef(name=name, args=value.args, body=[body], decorator_list=[])
    return ast.copy_location(spelled, value)


def _lineage(
    node: ast.ClassDef, classes: Mapping[str, ast.ClassDef], aliases: Mapping[str, str]
) -> list[ast.ClassDef]:
    """The class and its local bases, nearest first."""
    found, todo = [node], _bases(node, aliases)
    while todo and len(found) < _MAX_LINEAGE:
        base = classes.get(todo.pop(0).split(".")[-1])
        if base is not None and base not in found:
            found.append(base)
            todo += _bases(base, aliases)
    return found


def _returns(node: ast.FunctionDef, offset: int) -> Iterator[Return]:
    assigned: dict[str, list[ast.expr]] = defaultdict(list)
    own = list(own_nodes(node))
    for inner in own:
        if isinstance(inner, ast.Assign):
            for target in inner.targets:
                if isinstance(target, ast.Name):
                    assigned[target.id].append(inner.value)
    for inner in own:
        if isinstance(inner, ast.Return):
            value = inner.value or ast.Constant(None)
            options = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
            for option in options:
                yield Return(inner.lineno + offset, _values(option, assigned))


def _values(
    value: ast.expr, assigned: Mapping[str, list[ast.expr]], depth: int = 3
) -> tuple[ast.expr, ...] | None:
    """The gradients that ``value`` stands for; ``None`` where only running it would tell."""
    match value:
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return None if any(isinstance(i, ast.Starred) for i in items) else tuple(items)
        case ast.Constant() | ast.UnaryOp() | ast.Compare():
            return (value,)
        case ast.BinOp(left=left, right=right):
            # ``(grad,) + (None,) * 3`` is several, ``grad * 2`` is one.
            sequences = (ast.Tuple, ast.List)
            plain = not any(isinstance(n, sequences) for n in (*walk(left), *walk(right)))
            names = mentioned(value)
            several = any(
                isinstance(v, sequences) for name in names for v in assigned.get(name, ())
            )
            return (value,) if plain and not several else None
        case ast.Name(id=name) if depth and len(assigned.get(name, ())) == 1:
            return _values(assigned[name][0], assigned, depth - 1)
        case ast.Name(id=name) if depth and 0 < len(assigned.get(name, ())) <= _MAX_VALUES:
            counts = [_values(v, assigned, depth - 1) for v in assigned[name]]
            return (value,) if all(c is not None and len(c) == 1 for c in counts) else None
    return None

"""Which imported or built-in name an expression stands for at the place where it stands.

A name is looked up as Python does: in the function around it, in those around that, in the module,
among the built-in ones. It stands for what was imported under it, or for what it was assigned from;
a parameter, or anything else that it may be bound to, hides what lies outside.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.code.nodes import Def, children, walk

# Before a name that nothing in the file binds.
BUILTIN = "builtins."
_MAX_ALIASES = 20
_FUNCTIONS = Def | ast.Lambda
_COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass
class _Scope:
    outer: _Scope | None
    # Names of a class are not seen in its methods.
    is_class: bool = False
    # What each name is bound to: a dotted name, an expression, or something else.
    bound: dict[str, list[str | ast.expr | None]] = field(default_factory=dict)
    # Modules of which everything is imported.
    stars: list[str] = field(default_factory=list)
    # Names that belong to another scope.
    elsewhere: dict[str, _Scope] = field(default_factory=dict)

    def bind(self, name: str, to: str | ast.expr | None) -> None:
        self.elsewhere.get(name, self).bound.setdefault(name, []).append(to)

    @property
    def module(self) -> _Scope:
        scope = self
        while scope.outer is not None:
            scope = scope.outer
        return scope


class Scopes:
    """The names of one file."""

    def __init__(self, tree: ast.Module) -> None:
        # Of every name that is read.
        self._scopes: dict[int, _Scope] = {}
        self._known: dict[tuple[int, str], frozenset[str]] = {}
        todo: list[tuple[ast.AST, _Scope]] = [(tree, _Scope(None))]
        # Bodies come after what binds names around them: ``global`` must be known first.
        while todo:
            node, scope = todo.pop()
            if isinstance(node, ast.Name):
                self._scopes[id(node)] = scope
            _bind(node, scope)
            todo += reversed(list(_parts(node, scope)))

    def resolve(self, node: ast.AST | None) -> frozenset[str]:
        """The dotted names that an expression may stand for; empty where nothing tells.

        What is built in, or bound nowhere, begins with ``builtins.``.
        """
        return self._resolve(node, 0)

    def _resolve(self, node: ast.AST | None, depth: int) -> frozenset[str]:
        if depth > _MAX_ALIASES:
            return frozenset()
        match node:
            case ast.Name(id=name) if id(node) in self._scopes:
                return self._looked_up(name, self._scopes[id(node)], depth)
            case ast.Attribute(value=value, attr=attr):
                return frozenset(f"{one}.{attr}" for one in self._resolve(value, depth))
            case ast.Call(func=func, args=[ast.Constant(value=str(name))]):
                imports = {f"{BUILTIN}__import__", "importlib.import_module"}
                return frozenset({name} if self._resolve(func, depth + 1) & imports else ())
            case ast.Call(func=func, args=[owner, ast.Constant(value=str(attr))]):
                if f"{BUILTIN}getattr" in self._resolve(func, depth + 1):
                    return frozenset(f"{one}.{attr}" for one in self._resolve(owner, depth))
        return frozenset()

    def _looked_up(self, name: str, scope: _Scope, depth: int) -> frozenset[str]:
        place: _Scope | None = scope.elsewhere.get(name, scope)
        first = place
        while place is not None:
            if name in place.bound and (place is first or not place.is_class):
                return self._bound(name, place, depth)
            place = place.outer
        stars = scope.module.stars
        return frozenset({BUILTIN + name, *(f"{star}.{name}" for star in stars)})

    def _bound(self, name: str, scope: _Scope, depth: int) -> frozenset[str]:
        key = id(scope), name
        if key not in self._known:
            self._known[key] = frozenset()  # a name that stands for itself stands for nothing
            found = set[str]()
            for to in scope.bound[name]:
                if isinstance(to, ast.Constant):
                    continue  # ``tomllib = None`` where an import fails
                some = {to} if isinstance(to, str) else self._resolve(to, depth + 1)
                if not some:
                    found = set()
                    break
                found |= some
            self._known[key] = frozenset(found)
        return self._known[key]


def _parts(node: ast.AST, scope: _Scope) -> Iterator[tuple[ast.AST, _Scope]]:
    """What a node is made of, each with the scope that it is in."""
    if isinstance(node, _FUNCTIONS):
        outside: list[ast.AST] = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
        if isinstance(node, Def):
            notes = (a.annotation for a in walk(node.args) if isinstance(a, ast.arg))
            outside += [*node.decorator_list, *filter(None, (node.returns, *notes))]
        inside = _Scope(scope)
        for argument in walk(node.args):
            if isinstance(argument, ast.arg):
                inside.bind(argument.arg, None)
        body = node.body if isinstance(node.body, list) else [node.body]
        _declare(body, inside)
        yield from ((part, scope) for part in outside)
        yield from ((part, inside) for part in body)
    elif isinstance(node, ast.ClassDef):
        inside = _Scope(scope, is_class=True)
        for part in (*node.bases, *node.keywords, *node.decorator_list):
            yield part, scope
        yield from ((part, inside) for part in node.body)
    elif isinstance(node, _COMPREHENSIONS):
        inside = _Scope(scope)
        yield from ((part, inside) for part in children(node))
    else:
        yield from ((part, scope) for part in children(node))


def _declare(body: list[ast.AST] | list[ast.stmt] | list[ast.expr], inside: _Scope) -> None:
    """Names of a function that it says belong to another scope."""
    todo: list[ast.AST] = list(body)
    for node in todo:
        if isinstance(node, ast.Global | ast.Nonlocal):
            for name in node.names:
                owner = inside.module if isinstance(node, ast.Global) else inside.outer
                while owner is not None and isinstance(node, ast.Nonlocal):
                    if name in owner.bound or owner.outer is None:
                        break
                    owner = owner.outer
                if owner is not None:
                    inside.elsewhere[name] = owner
        elif isinstance(node, ast.stmt) and not isinstance(node, Def | ast.ClassDef):
            todo += [part for part in children(node) if not isinstance(part, ast.expr)]


def _bind(node: ast.AST, scope: _Scope) -> None:
    """What a node binds in its scope."""
    match node:
        case ast.Import(names=names):
            for item in names:
                root = item.name.split(".")[0]
                scope.bind(item.asname or root, item.name if item.asname else root)
        case ast.ImportFrom(module=module, names=names, level=level):
            for item in names:
                if item.name != "*":
                    scope.bind(
                        item.asname or item.name, f"{module}.{item.name}" if not level else None
                    )
                elif module and not level:
                    scope.module.stars.append(module)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            scope.bind(name, None)
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                _assign(target, value, scope)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            _assign(target, value, scope)
        case ast.NamedExpr(target=target, value=value):
            _assign(target, value, scope)
        case (
            ast.For(target=target) | ast.AsyncFor(target=target) | ast.comprehension(target=target)
        ):
            _hide(target, scope)
        case ast.AugAssign(target=target):
            _hide(target, scope)
        case ast.withitem(optional_vars=ast.expr() as target):
            _hide(target, scope)
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
            scope.bind(name, None)
        case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            scope.bind(name, None)


def _assign(target: ast.expr, value: ast.expr, scope: _Scope) -> None:
    match target, value:
        case ast.Name(id=name), _:
            scope.bind(name, value)
        case ast.Tuple(elts=targets), ast.Tuple(elts=values) if len(targets) == len(values):
            for one, given in zip(targets, values, strict=True):
                _assign(one, given, scope)
        case _:
            _hide(target, scope)


def _hide(target: ast.expr, scope: _Scope) -> None:
    for node in walk(target):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            scope.bind(node.id, None)

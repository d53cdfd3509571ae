"""Places in the syntax tree that an author's pattern describes.

Names are resolved through imports and assignments: ``from time import sleep as pause`` hides
nothing, and a function of one's own that is called ``sleep`` is not taken for it. What cannot be
told from the tree, such as keywords in ``**options``, is not found.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import lru_cache

from harness.code import Source
from harness.code.nodes import Def, every, walk
from harness.code.scopes import BUILTIN, Scopes
from harness.flags.seen import Seen
from harness.model import CodePattern

_PARTIAL = "functools.partial"
_SUPPRESS = "contextlib.suppress"
# Lines of a place that are quoted.
_MOST_LINES = 6


def places(pattern: CodePattern, source: Source) -> Iterator[Seen]:
    """Every place of the code that is one."""
    scopes = _scopes(source.tree)
    find = {
        "calls": _calls,
        "attributes": _attributes,
        "imports": _imports,
        "excepts": _excepts,
    }[pattern.place]
    for node, words in find(pattern, source.tree, scopes):
        line = source.line(node)
        if pattern.within == "anywhere" or source.in_test(line) is (pattern.within == "tests"):
            end = min(node.end_lineno or node.lineno, node.lineno + _MOST_LINES - 1)
            yield Seen(words, line, end + source.offset)


@lru_cache(maxsize=1)
def _scopes(tree: ast.Module) -> Scopes:
    """The flags of a skill look at the same code in turn."""
    return Scopes(tree)


_Found = Iterator[tuple[ast.stmt | ast.expr, str]]


def _calls(pattern: CodePattern, tree: ast.Module, scopes: Scopes) -> _Found:
    for node in every(tree):
        if isinstance(node, ast.Call):
            for call in _applied(node, scopes):
                name = _named(pattern.names, call.func, scopes)
                if name and _fits(pattern, call):
                    yield node, f"calls {name}{_keywords(pattern)}"
        elif isinstance(node, Def | ast.ClassDef) and not pattern.given:
            for one in node.decorator_list:
                name = _named(pattern.names, one, scopes)
                if name:
                    yield one, f"calls {name}{_keywords(pattern)}"


def _applied(node: ast.Call, scopes: Scopes) -> Iterator[ast.Call]:
    """A call, and that which it prepares."""
    yield node
    if node.args and _PARTIAL in scopes.resolve(node.func):
        yield ast.Call(node.args[0], node.args[1:], node.keywords)


def _fits(pattern: CodePattern, call: ast.Call) -> bool:
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    # What stands behind ``**`` may be any of them.
    if pattern.without and (None in given or given.keys() & set(pattern.without)):
        return False
    return all(_is(given.get(name), value) for name, value in pattern.given.items())


def _is(node: ast.expr | None, value: object) -> bool:
    if not isinstance(node, ast.Constant):
        return False
    return type(node.value) is type(value) and node.value == value


def _keywords(pattern: CodePattern) -> str:
    without = [f" without {' or '.join(pattern.without)}"] if pattern.without else []
    given = [f" with {name}={value!r}" for name, value in pattern.given.items()]
    return "".join(without + given)


def _attributes(pattern: CodePattern, tree: ast.Module, scopes: Scopes) -> _Found:
    for node in every(tree):
        if isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load):
            name = _named(pattern.names, node, scopes)
            if name:
                yield node, f"mentions {name}"


def _named(names: Iterable[str], node: ast.expr, scopes: Scopes) -> str:
    """What an expression is called, where it is one of ``names``; else nothing."""
    stands_for = scopes.resolve(node)
    for name in names:
        if name.startswith("."):
            # Of anything but a module, whose own attributes are named in full.
            imported = any(not one.startswith(BUILTIN) for one in stands_for)
            if isinstance(node, ast.Attribute) and node.attr == name[1:] and not imported:
                return ast.unparse(node) if len(ast.unparse(node)) <= 40 else name
            continue
        found = next((one for one in sorted(stands_for) if _is_called(one, name)), None)
        if found:
            return found.removeprefix(BUILTIN)
    return ""


def _is_called(dotted: str, name: str) -> bool:
    dotted, name = dotted.removeprefix(BUILTIN), name.removeprefix(BUILTIN)
    return dotted.startswith(name[:-1]) if name.endswith(".*") else dotted == name


def _imports(pattern: CodePattern, tree: ast.Module, scopes: Scopes) -> _Found:
    for_types = {
        id(inner)
        for node in every(tree)
        if isinstance(node, ast.If) and "typing.TYPE_CHECKING" in scopes.resolve(node.test)
        for statement in node.body
        for inner in walk(statement)
    }
    for node in every(tree):
        imported: list[str] = []
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            imported = [item.name for item in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            imported = [node.module, *(f"{node.module}.{item.name}" for item in node.names)]
        elif isinstance(node, ast.Call):
            imported = sorted(scopes.resolve(node))
        for name in pattern.names:
            found = next((one for one in imported if _is_within(one, name)), None)
            if found and isinstance(node, ast.stmt | ast.expr):
                yield node, f"imports {found}"
                break


def _is_within(dotted: str, name: str) -> bool:
    """Whether an import of ``dotted`` imports what a pattern calls ``name``."""
    return _is_called(dotted, name) or dotted.startswith(f"{name.removesuffix('.*')}.")


def _excepts(pattern: CodePattern, tree: ast.Module, scopes: Scopes) -> _Found:
    for node in every(tree):
        if isinstance(node, ast.ExceptHandler):
            if isinstance(node.body[-1], ast.Raise) or (pattern.silent and not _silent(node.body)):
                continue
            caught = _caught(node.type, scopes)
            ends = " and does nothing with it" if _silent(node.body) else ""
            first = ast.copy_location(ast.Pass(), node)
            first.end_lineno = node.end_lineno
            place: ast.stmt | ast.expr = first
        elif isinstance(node, ast.Call) and _SUPPRESS in scopes.resolve(node.func):
            caught = frozenset().union(*(_caught(one, scopes) for one in node.args))
            ends, place = " and does nothing with it", node
        else:
            continue
        for name in pattern.names:
            if any(_is_called(one, name) for one in caught):
                what = "whatever is raised" if name == "bare" else name
                yield place, f"catches {what}{ends}"
                break


def _caught(node: ast.expr | None, scopes: Scopes) -> frozenset[str]:
    if node is None:
        return frozenset({"bare"})
    every_one = node.elts if isinstance(node, ast.Tuple) else [node]
    return frozenset().union(*map(scopes.resolve, every_one))


def _silent(body: list[ast.stmt]) -> bool:
    return all(
        isinstance(one, ast.Pass | ast.Continue)
        or (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
        for one in body
    )

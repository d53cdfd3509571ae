"""What a Function is made of at one time, so that two states of a file can be compared."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from harness.code import Source, analyse
from harness.code.nodes import walk


@lru_cache(maxsize=256)
def analyse_once(code: str) -> Source:
    """``analyse``, remembered: the states of a transcript's files come again and again."""
    return analyse(code)


@lru_cache(maxsize=4096)
def function_states(code: str, entries: tuple[str, ...]) -> Mapping[str, int]:
    """Per Function and entry point a hash over everything it is made of.

    A Function is made of the entry points that apply it, too. A function or class whose body only
    holds a place is none yet.
    """
    source = analyse_once(code)
    bound: dict[str, list[ast.stmt]] = {}
    for statement in source.tree.body:
        for name in _binds(statement):
            bound.setdefault(name, []).append(statement)
    found = {}
    for function in source.functions:
        users = {name for name in entries if function.name in source.reached(name)}
        found[function.name] = _state(bound, [function.name, *users])
    for name in entries:
        if name in bound and not all(map(_holds_a_place, bound[name])):
            found.setdefault(name, _state(bound, [name]))
    return found


def _state(bound: Mapping[str, Sequence[ast.stmt]], names: Sequence[str]) -> int:
    """A hash over what names stand for, and over all that this uses."""
    parts, todo = set[str](), list(names)
    while todo:
        name = todo.pop()
        if name in bound and name not in parts:
            parts.add(name)
            todo += sorted(set[str]().union(*map(_globals, bound[name])))
    # A text made of several files may say the same twice.
    said = (_bare(statement) for name in sorted(parts) for statement in bound[name])
    return hash(tuple(dict.fromkeys(said)))


def _holds_a_place(statement: ast.stmt) -> bool:
    """Whether a function or class does nothing yet: ``pass``, ``...``, not implemented."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        return all(
            isinstance(one, ast.Pass)
            or (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
            or (isinstance(one, ast.Raise) and "NotImplementedError" in ast.dump(one))
            for one in statement.body
        )
    if isinstance(statement, ast.ClassDef):
        defs = ast.FunctionDef | ast.AsyncFunctionDef
        others = (ast.Pass, ast.Expr)
        methods = [one for one in statement.body if not isinstance(one, others)]
        return all(isinstance(one, defs) and _holds_a_place(one) for one in methods)
    return False


def _binds(statement: ast.stmt) -> Iterable[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
            return {
                n.id
                for n in walk(statement)
                if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
            }
    return []


def _bare(statement: ast.stmt) -> str:
    """A statement without comments, docstrings and places."""
    text = ast.dump(statement)
    for node in walk(statement):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                text = text.replace(ast.dump(first), "", 1)
    return text


def _globals(statement: ast.stmt) -> set[str]:
    """Names that a statement uses and does not bind itself."""
    names = [n for n in walk(statement) if isinstance(n, ast.Name)]
    own = {n.id for n in names if isinstance(n.ctx, ast.Store)}
    own |= {n.arg for n in walk(statement) if isinstance(n, ast.arg)}
    return {n.id for n in names} - own

"""The nodes of a syntax tree. Every answer's tree is walked many times: this is what it costs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

Def = ast.FunctionDef | ast.AsyncFunctionDef


def children(node: ast.AST) -> list[ast.AST]:
    """What stands directly in a node, in order: ``ast.iter_child_nodes`` in a third of the time."""
    found: list[ast.AST] = []
    for value in vars(node).values():
        if isinstance(value, ast.AST):
            found.append(value)
        elif isinstance(value, list):
            found += [item for item in value if isinstance(item, ast.AST)]
    return found


def walk(node: ast.AST) -> list[ast.AST]:
    """A node and all below it, those that are less deep first, as ``ast.walk`` has them."""
    found = [node]
    for one in found:  # which grows meanwhile
        found += children(one)
    return found


@lru_cache(maxsize=1)
def every(tree: ast.AST) -> tuple[ast.AST, ...]:
    """All nodes of a tree; many look at the same one in turn."""
    return tuple(walk(tree))


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes of a function in order, without those of anything callable nested in it."""
    todo = children(node)[::-1]
    while todo:
        current = todo.pop()
        yield current
        if not isinstance(current, Def | ast.Lambda | ast.ClassDef):
            todo += children(current)[::-1]

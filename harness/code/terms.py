"""Code in which one term of a gradient is dropped, for runs that are to notice that it is missing.

A term is a summand of what a backward returns, or of a factor of it, there or in the assignment
that it comes from. It is multiplied by zero where it stands, so that no line moves.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.code.lines import line_index
from harness.code.nodes import own_nodes
from harness.code.syntax import FunctionClass

# Steps from a returned value to a term, and terms found in one Function.
_MAX_DEPTH, _MAX_FOUND = 12, 32
# What keeps a division from failing is no term of a gradient.
_SMALL = re.compile(r"eps|tiny|1e-\d+", re.I)
_TERM_CHARACTERS = 40


@dataclass(frozen=True)
class DroppedTerm:
    """A file in which one term is missing."""

    # Place of the gradient among what backward returns.
    place: int
    # The term as it is written.
    term: str
    # The whole file without it.
    code: str


def without_terms(code: str, function: FunctionClass) -> list[DroppedTerm]:
    """``code`` without one term of a gradient of ``function``, outermost terms first.

    Line 1 of ``code`` is line 1 of the tree that ``function`` was read from.
    """
    if function.backward is None:
        return []
    assigned = _assigned(function.backward.node)
    found: dict[tuple[int, int], tuple[int, int, ast.expr]] = {}
    for returned in function.returns:
        for place, value in enumerate(returned.values or ()):
            for depth, term in _terms(value, assigned):
                key = (term.lineno, term.col_offset)
                if key not in found and len(found) < _MAX_FOUND:
                    found[key] = (depth, place, term)
    dropped = []
    for _, place, term in sorted(found.values(), key=lambda entry: entry[0]):
        start, stop = _span(code, term)
        text = code[start:stop]
        if text and not _SMALL.search(text):
            words = " ".join(text.split())
            if len(words) > _TERM_CHARACTERS:
                words = f"{words[:_TERM_CHARACTERS]}…"
            changed = f"{code[:start]}(0 * ({text})){code[stop:]}"
            dropped.append(DroppedTerm(place, words, changed))
    return dropped


def _assigned(node: ast.AST) -> Mapping[str, list[ast.expr]]:
    """The values given to each name; those of ``a += b`` are terms by themselves."""
    found: dict[str, list[ast.expr]] = {}
    for inner in own_nodes(node):
        match inner:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found.setdefault(name, []).append(value)
            case ast.AugAssign(target=ast.Name(id=name), op=ast.Add() | ast.Sub(), value=value):
                found.setdefault(name, []).append(ast.BinOp(value, ast.Add(), value))
    return found


def _terms(
    value: ast.expr, assigned: Mapping[str, list[ast.expr]]
) -> Iterator[tuple[int, ast.expr]]:
    """The summands that ``value`` is made of, each with how deep in it it stands."""
    todo: list[tuple[int, ast.expr]] = [(0, value)]
    seen = set[str]()
    for depth, node in todo:
        if depth > _MAX_DEPTH:
            return
        inner: list[ast.expr] = []
        match node:
            case ast.BinOp(op=ast.Add() | ast.Sub(), left=left, right=right):
                inner = [left, right]
                for side in dict.fromkeys(inner):
                    if not isinstance(side, ast.Constant) and not _is_sum(side):
                        yield depth, side
            case ast.BinOp(op=ast.Mult() | ast.MatMult(), left=left, right=right):
                inner = [left, right]
            case ast.BinOp(op=ast.Div(), left=left):
                inner = [left]
            case ast.UnaryOp(operand=operand):
                inner = [operand]
            case ast.IfExp(body=body, orelse=orelse):
                inner = [body, orelse]
            case ast.Call(func=ast.Attribute(value=receiver)):
                inner = [receiver, *node.args[:1]]
            case ast.Call(args=[first, *_]):
                inner = [first]
            case ast.Name(id=name) if name not in seen:
                seen.add(name)
                inner = assigned.get(name, [])
        todo += [(depth + 1, one) for one in inner]


def _is_sum(node: ast.expr) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub)


def _span(code: str, node: ast.expr) -> tuple[int, int]:
    """Where ``node`` stands in ``code``, in characters."""
    lines = line_index(code)

    def offset(line: int, column: int) -> int:
        return lines.start(line) + len(lines.content(line).encode()[:column].decode())

    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return offset(node.lineno, node.col_offset), offset(node.end_lineno, node.end_col_offset)

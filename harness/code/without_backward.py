"""A submission with the backward of its Functions taken away.

Where a gradient still comes out of it, that gradient never went through those
Functions: autograd differentiated a composition, or something answers in their
place. No report of the candidate's process has a part in this.
"""

from __future__ import annotations

import ast

from harness.code import Source
from harness.code.lines import line_index
from harness.code.parsing import Unreadable, parse

RAISE = 'raise RuntimeError("no gradient here")'
# The same as an expression: a ``KeyError``.
THROW = f"{{}}[{'no gradient here'!r}]"

# Where the first statement of a backward starts, or the expression of a lambda: line, column.
Place = tuple[int, int]


def without_backward(code: str, read: Source) -> str | None:
    """``code`` in which every backward raises at once; ``None`` where that cannot be written."""
    nodes = {f.backward.node.body[0] for f in read.functions if f.backward is not None}
    places = {_place(node): isinstance(node, ast.Return) for node in nodes}
    for write in (_inserted, _rewritten):
        text = write(code, places)
        if text is not None and _raises(text, len(places)):
            return text
    return None


def _place(node: ast.stmt | ast.expr) -> Place:
    return node.lineno, node.col_offset


def _inserted(code: str, places: dict[Place, bool]) -> str | None:
    """The text with a statement more at each of ``places``, and else as it was."""
    index = line_index(code)
    lines = [index.content(number) for number in range(1, len(index) + 1)]
    # From the end, so that places before stay where they are.
    for (number, column), returns in sorted(places.items(), reverse=True):
        if number > len(lines):
            return None
        line = lines[number - 1].encode()
        before, after = line[:column].decode(), line[column:].decode()
        if returns and not after.startswith("return"):  # the expression of a lambda
            lines[number - 1] = f"{before}{THROW} and {after}"
        elif before.strip():
            lines[number - 1] = f"{before}{RAISE}; {after}"
        else:
            lines[number - 1] = f"{before}{RAISE}\n{before}{after}"
    return "".join(lines)


def _rewritten(code: str, places: dict[Place, bool]) -> str | None:
    """The same by way of the syntax tree, where a line cannot take one more statement."""
    try:
        tree = parse(code)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and _place(node.body[0]) in places:
                node.body.insert(0, ast.parse(RAISE).body[0])
            elif isinstance(node, ast.Lambda) and _place(node.body) in places:
                thrown = ast.parse(THROW, mode="eval").body
                node.body = ast.BoolOp(ast.And(), [thrown, node.body])
        return ast.unparse(tree)
    except (Unreadable, RecursionError):
        return None


def _raises(text: str, count: int) -> bool:
    """Whether ``text`` parses and has at least ``count`` functions that raise at once."""
    try:
        tree = parse(text)
    except Unreadable:
        return False
    statement, expression = (ast.unparse(ast.parse(words)) for words in (RAISE, THROW))
    raising = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            first = node.body[0]
            raising += isinstance(first, ast.Raise) and ast.unparse(first) == statement
        elif isinstance(node, ast.Lambda) and isinstance(node.body, ast.BoolOp):
            raising += ast.unparse(node.body.values[0]) == expression
    return raising >= count

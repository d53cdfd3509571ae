"""The only place that parses text of a submission: bounded, quiet, with one kind of failure.

Text of a submission is never compiled on our side. ``compile`` copies a ``finally`` block into
every way out of its ``try``, so a few hundred characters of nested ones take gigabytes. Parsing
``MAX_CHARACTERS`` takes one second and 120 MB at most. What only the compiler finds is found by
the candidate's process, which has limits.
"""

from __future__ import annotations

import ast
import symtable
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from harness.code.nodes import children

# Longer code is not read, and so not run either. Honest code is an eighth of this.
MAX_CHARACTERS = 100_000
# ``finally`` within ``finally``. Each level can double what the compiler makes of the code.
_MAX_FINALLY = 5


class Unreadable(Exception):
    """Code that cannot be read: the line of the code, from 1, and why."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(line, why)
        self.line = line
        self.why = why


def parse(code: str) -> ast.Module:
    """The syntax tree of ``code``. Raises ``Unreadable``."""
    if len(code) > MAX_CHARACTERS:
        raise Unreadable(1, f"longer than {MAX_CHARACTERS:,} characters")
    with _guarded():
        tree = ast.parse(code)
    if code.count("finally") > _MAX_FINALLY:
        _refuse_deep_finally(tree)
    return tree


def names_of(code: str) -> symtable.SymbolTable:
    """Which names code that ``parse`` has read binds and uses. Raises ``Unreadable``."""
    with _guarded():
        return symtable.symtable(code, "<submission>", "exec")


@contextmanager
def _guarded() -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except SyntaxError as error:
        raise Unreadable(error.lineno or 1, error.msg) from None
    except (RecursionError, MemoryError, OverflowError):
        raise Unreadable(1, "nested too deeply") from None
    except ValueError as error:
        raise Unreadable(1, str(error)) from None


def _refuse_deep_finally(tree: ast.Module) -> None:
    todo: list[tuple[ast.AST, int]] = [(tree, 0)]
    while todo:
        node, depth = todo.pop()
        if isinstance(node, ast.Try | ast.TryStar) and node.finalbody:
            depth += 1
            if depth > _MAX_FINALLY:
                raise Unreadable(
                    node.lineno, f"finally blocks are nested deeper than {_MAX_FINALLY} levels"
                )
        todo += [(child, depth) for child in children(node)]

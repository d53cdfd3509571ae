"""Reading a piece of Python without running it: does it parse, what does it bind and need?"""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from dataclasses import dataclass
from functools import lru_cache

from harness.code.nodes import own_nodes, walk
from harness.code.parsing import Unreadable, names_of, parse

_DEFINES = re.compile(r"^(?:(?:async\s+)?def|class)\s+(\w+)|^(\w+)(?:\s*:[^=\n]+)?\s*=(?!=)", re.M)


@dataclass(frozen=True)
class Block:
    """What one piece of code brings along."""

    # Line and words of the syntax error; ``None`` where there is none.
    error: tuple[int, str] | None
    # Names it defines at its top level; imports are not definitions.
    defines: frozenset[str]
    # Names it imports at its top level.
    imports: frozenset[str]
    # Global names it uses and neither binds nor finds among the builtins.
    needs: frozenset[str]
    # Whether it holds a class with a method called ``backward``.
    has_backward: bool
    # Whether it holds any statement that is more than an expression.
    has_statement: bool


# Characters of a piece that is remembered: the same one of a reply or a transcript is looked at
# several times while that is read.
MOST_REMEMBERED = 20_000


def inspect(code: str) -> Block:
    """Parse and walk ``code``; never raises."""
    return (_remembered if len(code) <= MOST_REMEMBERED else _inspected)(code)


def _inspected(code: str) -> Block:
    try:
        tree = parse(code)
        _refuse_return_outside(tree)
        return _describe(tree, names_of(code))
    except Unreadable as error:
        return _unparsed(code, error.line, error.why)
    except (RecursionError, MemoryError):
        return _unparsed(code, 1, "nested too deeply")


_remembered = lru_cache(maxsize=32)(_inspected)


def _refuse_return_outside(tree: ast.Module) -> None:
    """The parser lets it pass, and it is what an excerpt of a function begins or ends with."""
    for node in own_nodes(tree):
        if isinstance(node, ast.Return):
            raise Unreadable(node.lineno, "'return' outside function")


def _unparsed(code: str, line: int, message: str) -> Block:
    names = frozenset(a or b for a, b in _DEFINES.findall(code))
    return Block((line, message), names, frozenset(), frozenset(), "def backward" in code, True)


def _describe(tree: ast.Module, table: symtable.SymbolTable) -> Block:
    imports: set[str] = set()
    star = False
    nodes = walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports |= {(item.asname or item.name).split(".")[0] for item in node.names}
            star = star or any(item.name == "*" for item in node.names)
    bound = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    bound |= {s.get_name() for s in table.get_symbols() if s.is_namespace()}
    used = set() if star else _globals_used(table) - bound - set(dir(builtins))
    return Block(
        error=None,
        defines=frozenset(bound - imports),
        imports=frozenset(imports),
        needs=frozenset(used - {"__file__", "__name__", "__doc__"}),
        has_backward=any(
            isinstance(node, ast.ClassDef)
            and any(isinstance(d, ast.FunctionDef) and d.name == "backward" for d in node.body)
            for node in nodes
        ),
        has_statement=any(not isinstance(node, ast.Expr) for node in tree.body),
    )


def _globals_used(table: symtable.SymbolTable) -> set[str]:
    top = table.get_type() == "module"
    found = {
        symbol.get_name()
        for symbol in table.get_symbols()
        if symbol.is_referenced() and (top or symbol.is_global())
    }
    for child in table.get_children():
        found |= _globals_used(child)
    return found

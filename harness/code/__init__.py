"""What the code of a submission says, read from its syntax tree; nothing is run.

Names are resolved through imports and simple assignments, so ``import torch as t`` or
``Base = torch.autograd.Function`` hide nothing. All lines are lines of the submission's text.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from harness.code.functions import find_functions
from harness.code.gradchecks import find_gradchecks
from harness.code.names import aliases, last, mentioned
from harness.code.nodes import Def, children, every, own_nodes, walk
from harness.code.parsing import MAX_CHARACTERS, Unreadable, parse
from harness.code.syntax import FunctionClass, GradcheckCall, Lines, Method, Return, Source
from harness.model import Submission

__all__ = [
    "MAX_CHARACTERS",
    "FunctionClass",
    "GradcheckCall",
    "Lines",
    "Method",
    "Return",
    "Source",
    "analyse",
    "own_nodes",
    "source_of",
]

# Deeper nesting breaks readers that call themselves, and longer numbers can be neither written
# out nor made a float; both are beyond what anybody writes.
_MAX_DEPTH, _MAX_BITS = 150, 1000

_TEST_NAME = re.compile(
    r"_*(?:run_)?(?:all_)?(?:self_?)?(?:tests?|checks?|verify|gradcheck|validate)(?:_|$)", re.I
)


def source_of(submission: Submission) -> Source | None:
    """The source of a submission; ``None`` where it has no code."""
    if submission.code is None:
        return None
    return analyse(submission.code, submission.code_line - 1)


def analyse(code: str, offset: int = 0) -> Source:
    """Read ``code``, whose line 1 is line ``1 + offset`` of the text; never raises.

    Text that does not parse, or is longer or nested deeper than is reasonable, gives an empty
    ``Source`` with ``error`` set.
    """
    try:
        tree = parse(code)
        _measure(tree)
        return _analyse(tree, offset)
    except Unreadable as error:
        return _unread(f"line {error.line + offset}: {error.why}", offset)
    except RecursionError:
        return _unread("nested too deeply", offset)
    except ValueError as error:
        return _unread(str(error), offset)


def _unread(reason: str, offset: int) -> Source:
    return Source(ast.Module([], []), offset, error=reason)


def _measure(tree: ast.Module) -> None:
    """Raises ``ValueError`` for what no reader should be given."""
    todo: list[tuple[ast.AST, int]] = [(tree, 0)]
    while todo:
        node, depth = todo.pop()
        if depth > _MAX_DEPTH:
            raise ValueError("nested too deeply")
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, int) and value.bit_length() > _MAX_BITS:
            raise ValueError(f"line {getattr(node, 'lineno', 1)}: a number of absurd size")
        todo += [(child, depth + 1) for child in children(node)]


def _analyse(tree: ast.Module, offset: int) -> Source:
    known = aliases(tree)
    functions = find_functions(tree, known, offset)
    methods = {id(m.node): m.node for f in functions for m in f.methods.values()}
    defs = {
        node.name: node for node in every(tree) if isinstance(node, Def) and id(node) not in methods
    }
    mentions = {name: mentioned(node) for name, node in defs.items()}
    mains = [node for node in tree.body if isinstance(node, ast.If) and _is_main_guard(node)]
    source = Source(
        tree=tree,
        offset=offset,
        aliases=known,
        functions=functions,
        defs=defs,
        applies=_applies(tree, defs, {function.name for function in functions}),
        mentions=mentions,
        tests=_tests(mentions, [mentioned(node) for node in methods.values()]),
        main_lines=tuple(
            range(n.lineno + offset, (n.end_lineno or n.lineno) + offset + 1) for n in mains
        ),
        called_from_main=frozenset().union(*(mentioned(node) for node in mains)),
    )
    return replace(source, gradchecks=find_gradchecks(source))


def _is_main_guard(node: ast.If) -> bool:
    return (
        isinstance(node.test, ast.Compare)
        and "__name__" in mentioned(node.test)
        and any(isinstance(c, ast.Constant) and c.value == "__main__" for c in walk(node.test))
    )


def _tests(
    mentions: Mapping[str, frozenset[str]], methods: list[frozenset[str]]
) -> tuple[str, ...]:
    """Functions named like tests that nothing but tests calls (``_check_inputs`` is no test)."""
    named = {name for name in mentions if _TEST_NAME.match(name)}
    working = frozenset().union(*methods, *(n for f, n in mentions.items() if f not in named))
    return tuple(name for name in mentions if name in named - working)


def _applies(
    tree: ast.Module, defs: Mapping[str, Def], functions: set[str]
) -> dict[str, frozenset[str]]:
    """Functions that a name applies directly, e.g. after ``swish = Swish.apply``."""
    found = {name: _applied(node, functions) for name, node in defs.items()}
    for statement in tree.body:
        # One value may be given to thousands of names.
        read = dict[int, frozenset[str]]()
        for target, value in _pairs(statement):
            if isinstance(target, ast.Name):
                if id(value) not in read:
                    read[id(value)] = _applied(value, functions)
                behind = found.get(value.id, frozenset()) if isinstance(value, ast.Name) else set()
                found[target.id] = read[id(value)] | behind
    return {name: applied for name, applied in found.items() if applied}


def _applied(node: ast.AST, functions: set[str]) -> frozenset[str]:
    return frozenset(
        last(inner.value)
        for inner in walk(node)
        if isinstance(inner, ast.Attribute)
        and inner.attr == "apply"
        and last(inner.value) in functions
    )


def _pairs(statement: ast.stmt) -> Iterator[tuple[ast.expr, ast.expr]]:
    match statement:
        case ast.AnnAssign(target=name, value=ast.expr() as value):
            yield name, value
        case ast.Assign(targets=targets, value=ast.Tuple(elts=values)):
            for target in targets:
                names = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
                yield from zip(names, values, strict=False)
        case ast.Assign(targets=targets, value=value):
            yield from ((target, value) for target in targets)

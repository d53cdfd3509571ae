"""Tests that a reply shows in blocks of their own, each as a file that stands alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from harness.code.nodes import walk
from harness.code.parsing import MAX_CHARACTERS, Unreadable, parse
from harness.model import TestFile
from harness.read.submissions.reply import snippets
from harness.read.submissions.syntax import inspect
from harness.read.transcripts import bundle

# More blocks of tests are not an answer to a request.
_MAX_BLOCKS = 5
_TESTS = re.compile(r"\bgradcheck\b|^\s*def test|^\s*assert\b|\bassert_close\b", re.M)


def tests_beside(text: str, code: str, names: Sequence[str]) -> tuple[TestFile, ...]:
    """The blocks of a reply that test ``code``, which defines ``names``, with the code in them."""
    found: list[TestFile] = []
    room = MAX_CHARACTERS
    for block in snippets(text):
        if not block.fenced or block.code.strip() in code or not _TESTS.search(block.code):
            continue
        alone = _alone(block.code, code, names)
        if alone is not None and len(alone) <= room and len(found) < _MAX_BLOCKS:
            room -= len(alone)
            found.append(TestFile(f"block on line {block.line}", alone))
    return tuple(found)


def _alone(block: str, code: str, names: Sequence[str]) -> str | None:
    """The block with the code that it imports or goes on from; ``None`` where it does neither."""
    try:
        tree = parse(block)
    except Unreadable:
        return None
    defined = inspect(code).defines
    nodes = walk(tree)
    asked = set(names)
    called = {
        node.value.id
        for node in nodes
        if isinstance(node, ast.Attribute)
        and node.attr in asked
        and isinstance(node.value, ast.Name)
    }
    for node in nodes:
        module = ""
        if isinstance(node, ast.ImportFrom) and not node.level:
            module = node.module or "" if {name.name for name in node.names} & defined else ""
        elif isinstance(node, ast.Import):
            bound = (name.name for name in node.names if (name.asname or name.name) in called)
            module = next(bound, "")
        if module:
            return bundle({f"{module.replace('.', '/')}.py": code}, block)
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    if used & asked and not inspect(block).defines & asked:
        return f"{code}\n\n{block}"
    return None

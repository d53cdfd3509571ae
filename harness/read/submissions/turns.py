"""A conversation in which the user spoke again: what code it ends with, and which tests stay.

The last answer is what ships. What it leaves out is that of the answers before it: functions, and
tests, unless the agent says that it took the tests away. Tests of an earlier version are run
against the code at the end.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from harness.code.parsing import Unreadable, parse
from harness.model import StepKind, TestFile, Transcript
from harness.read.submissions.beside import tests_beside
from harness.read.submissions.reply import Reply, parse_problem, take_apart
from harness.read.submissions.syntax import inspect

_TESTS = re.compile(r"\bgradcheck\(|^\s*def test|^\s*assert\b|\bassert_close\(", re.M)
# Of a check of one thing, such as a shape, nothing follows for the tests.
_ITS_TESTS = (
    r"(?:tests|checks|gradcheck|gradchecks|test code|verification|self-tests?|assertions|"
    r"(?:the|that|this|my|its) (?:test|check)(?! (?:for|of|on|that|whether)))\b"
)
_AWAY = r"(?:removed|dropped|deleted|stripped|cut|taken out|took out|left out)"
_TAKEN = re.compile(
    rf"\b(?:I|we)(?:'ve| have)? (?:\w+ )?(?:{_AWAY}|skipped|omitted)\b"
    rf"[^.,;!?\n]{{0,40}}\b{_ITS_TESTS}|"
    rf"\b{_ITS_TESTS}(?: (?:are|is|were|was|have|has|been|now|all))* (?:{_AWAY}|gone)\b|"
    r"\b(?:no|without(?: the| any)?) (?:more )?(?:tests?|checks|gradcheck|test code)\W*$",
    re.I,
)
_KEPT = re.compile(
    r"\b(?:not|never|n't|rather|instead of|unless|if|would|kept|stays?|only|but)\b|n't\b",
    re.I,
)
# A conversation that pushes back has three.
_MOST_ANSWERS = 50
_SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?]|\n|$)")


def turns(transcript: Transcript) -> tuple[int, ...]:
    """Per step that was said, which of the agent's answers it is part of, from 1.

    A message of the user begins a new answer.
    """
    found: list[int] = []
    asked, turn = True, 0
    for step in transcript.steps:
        if step.kind is StepKind.USER:
            asked = True
        elif step.kind is StepKind.SAID:
            turn += asked
            asked = False
            found.append(turn)
    return tuple(found)


def answers_of(transcript: Transcript) -> tuple[str, ...]:
    """The words of each answer of the agent; of very many the early ones are taken together."""
    said = [step.text for step in transcript.steps if step.kind is StepKind.SAID]
    found: dict[int, list[str]] = {}
    for turn, words in zip(turns(transcript), said, strict=True):
        found.setdefault(turn, []).append(words)
    every = ["\n\n".join(words) for words in found.values()]
    early, late = every[:-_MOST_ANSWERS], every[-_MOST_ANSWERS:]
    return ("\n\n".join(early), *late) if early else tuple(late)


def last_code(answers: Sequence[str], names: Sequence[str]) -> Reply:
    """The code at the end of a conversation; its lines are those of no text.

    An answer that defines all of ``names`` takes the place of what was there before; one that
    defines some of what was there takes the place of that in the file.
    """
    asked = frozenset(names)
    code: str | None = None
    for words in answers:
        new = take_apart(words, names).code
        if new is None:
            continue
        if code is None or not asked:
            code = new
            continue
        block, there = inspect(new), inspect(code)
        brings = block.defines - _elided(new)
        # One that leaves out an import or a helper that is there goes on from it.
        goes_on = block.needs & (there.defines | there.imports)
        if asked <= brings and not goes_on:
            code = new
        elif block.error is None and (there.defines | asked) & brings:
            code = _edited(code, _without(new, _elided(new)))
    if code is None:
        return take_apart("\n\n".join(answers), names)
    return Reply(code, problem=parse_problem(code))


def _elided(code: str) -> frozenset[str]:
    """Functions that are only hinted at, with a body of ``...`` or ``pass``."""
    try:
        body = parse(code).body
    except Unreadable:
        return frozenset()
    return frozenset(
        node.name
        for node in body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and all(
            isinstance(inner, ast.Pass)
            or (isinstance(inner, ast.Expr) and isinstance(inner.value, ast.Constant))
            for inner in node.body
        )
    )


def _edited(code: str, new: str) -> str:
    """``code`` with ``new`` in the place of what that defines anew."""
    try:
        body = parse(code).body
    except Unreadable:
        return f"{code}\n\n\n{new}"
    names = inspect(new).defines
    # Allowed at the beginning of a file alone.
    new = re.sub(r"^from __future__ .*$", "", new, flags=re.M)
    lines: list[str] = code.split("\n")
    place = None
    for node in reversed(body):
        if _names_of(node) & names:
            decorators = getattr(node, "decorator_list", [])
            place = min([node.lineno, *(one.lineno for one in decorators)]) - 1
            del lines[place : node.end_lineno or node.lineno]
    at = len(lines) if place is None else place
    return "\n".join([*lines[:at], "", "", *new.split("\n"), "", "", *lines[at:]])


def _without(code: str, names: frozenset[str]) -> str:
    """``code`` without what it defines of ``names`` at its top level."""
    if not names:
        return code
    tree = parse(code)
    kept = [node for node in tree.body if not _names_of(node) & names]
    return ast.unparse(ast.Module(kept, []))


def _names_of(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Assign):
        return {target.id for target in node.targets if isinstance(target, ast.Name)}
    return set()


def tests_of(answers: Sequence[str], code: str, names: Sequence[str]) -> tuple[TestFile, ...]:
    """The tests of the last answer that has any, unless they were taken back after it."""
    for place in range(len(answers) - 1, -1, -1):
        words = answers[place]
        tests = (*tests_beside(words, code, names), *_inside(words, code, names))
        if tests:
            if any(map(_takes_back, answers[place + 1 :])):
                return ()
            turn = f"answer {place + 1}, "
            return tuple(TestFile(turn + test.path, test.code) for test in tests)
    return ()


def _inside(words: str, code: str, names: Sequence[str]) -> tuple[TestFile, ...]:
    """The tests inside the code that an answer gives, put behind ``code``."""
    old = take_apart(words, names).code
    if old is None or old.strip() in code:
        return ()
    try:
        body = parse(old).body
    except Unreadable:
        return ()
    defined = inspect(code).defines
    rest = [
        node
        for node in body
        if not _names_of(node) & defined
        and not (isinstance(node, ast.ImportFrom) and node.module == "__future__")
    ]
    text = ast.unparse(ast.Module(rest, []))
    return (TestFile("its code", f"{code}\n\n\n{text}\n"),) if _TESTS.search(text) else ()


def _takes_back(words: str) -> bool:
    """Whether an answer says that tests were taken away."""
    prose = re.sub(r"```.*?(?:```|\Z)", "", words.replace("’", "'"), flags=re.S)
    return any(
        _TAKEN.search(one[0].strip(" .!?\n")) and not _KEPT.search(one[0])
        for one in _SENTENCE.finditer(prose)
    )

"""A file of tests, and how it is run: as a script, or by what finds the tests in it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.code import Source, analyse
from harness.code.names import last, mentioned
from harness.code.nodes import Def, walk
from harness.model import Submission, TestFile

# Of the files of tests so many are run.
MOST_FILES = 24
CODE_FILE = "solution.py"

Collect = Literal["functions", "pytest", "unittest", "doctest"]

_NAME = "test"
_CLASS = re.compile("Test|test")
_SET_UP = re.compile(r"(set_?up|teardown)_?(module|function|class|method)?", re.I)
# A file that uses one of these where it runs looks for its tests itself.
_LOOKS = frozenset(
    {
        *("globals", "locals", "vars", "dir", "getmembers"),
        *("main", "TextTestRunner", "TestLoader", "defaultTestLoader", "makeSuite"),
    }
)


@dataclass(frozen=True)
class Script:
    """A file of tests and how it is run."""

    # Of the ``TestFile``; empty for the submission's own code.
    path: str
    code: str
    source: Source
    # Whether it is run as ``__main__``.
    main: bool
    # What finds its tests then; ``None`` where it runs them itself.
    collect: Collect | None = None
    # Functions to call, where nothing else finds them.
    tests: tuple[str, ...] = ()
    # Tests that it has run itself.
    skip: tuple[str, ...] = ()
    # Whether somebody ran it so: then what looks like a test is one.
    asked: bool = False
    arguments: tuple[str, ...] = ()

    def request(
        self, spoil: Mapping[str, object] | None, code: str | None = None
    ) -> dict[str, object]:
        """The message that has it run, as it is or spoiled; ``code`` is what is run instead."""
        message: dict[str, object] = {
            "do": "script",
            "file": self.path or CODE_FILE,
            "source": self.code if code is None else code,
            "main": self.main,
            "collect": self.collect,
            "tests": list(self.tests),
            "skip": list(self.skip),
            "lenient": not self.asked,
            "arguments": list(self.arguments),
        }
        if spoil is not None:
            message["spoil"] = dict(spoil)
        return message


def scripts(submission: Submission, source: Source) -> tuple[Script, ...]:
    """The submission's own code, then its files of tests."""
    assert submission.code is not None
    files = [TestFile("", submission.code), *submission.tests[:MOST_FILES]]
    return tuple(_script(file, source if not file.path else analyse(file.code)) for file in files)


def _script(file: TestFile, source: Source) -> Script:
    def of(main: bool, collect: Collect | None, **more: tuple[str, ...]) -> Script:
        asked = file.runner is not None
        return Script(
            file.path,
            file.code,
            source,
            main,
            collect,
            asked=asked,
            arguments=file.arguments,
            **more,
        )

    if file.runner in ("pytest", "unittest", "doctest"):
        return of(False, file.runner)
    if file.runner == "script":
        return of(True, None)
    tests = _Tests.of(source.tree)
    ran, looks = _run_by_itself(source)
    names = [name for name in (*tests.functions, *tests.classes, *tests.cases) if name not in ran]
    if looks or not names:
        return of(True, "doctest" if has_examples(source.tree) else None)
    skip = tuple(sorted(ran))
    plain = [name for name in tests.functions if name in names and tests.functions[name]]
    if tests.needs_pytest or set(names) & {*tests.classes}:
        return of(True, "pytest", skip=skip)
    if any(name in names for name in tests.cases):
        return of(True, "pytest" if plain else "unittest", skip=skip)
    return of(True, "functions", tests=tuple(plain)) if plain else of(True, None)


def has_examples(tree: ast.Module) -> bool:
    """Whether a docstring holds a session to be tried."""
    kinds = Def | ast.ClassDef | ast.Module
    texts = (ast.get_docstring(node) for node in walk(tree) if isinstance(node, kinds))
    return any(">>> " in text for text in texts if text)


@dataclass(frozen=True)
class _Tests:
    """What of a file is a test, by its name."""

    # Whether it can be called as it is, by name.
    functions: Mapping[str, bool]
    # Plain classes with tests, and those of unittest.
    classes: tuple[str, ...]
    cases: tuple[str, ...]
    # Whether it uses something of pytest or hypothesis.
    needs_pytest: bool

    @staticmethod
    def of(tree: ast.Module) -> _Tests:
        functions: dict[str, bool] = {}
        classes: list[str] = []
        cases: list[str] = []
        imports = False
        for node in _statements(tree.body):
            match node:
                case ast.FunctionDef(name=name) if name.startswith(_NAME):
                    functions[name] = not _asks(node.args)
                case ast.FunctionDef(name=name) if _SET_UP.fullmatch(name):
                    imports = True
                case ast.ClassDef(name=name) if _has_tests(node):
                    if any(last(base).endswith("TestCase") for base in node.bases):
                        cases.append(name)
                    elif _CLASS.match(name):
                        classes.append(name)
                case ast.Import(names=names):
                    imports |= any(_is_testing(alias.name) for alias in names)
                case ast.ImportFrom(module=str(module)):
                    imports |= _is_testing(module)
        return _Tests(functions, tuple(classes), tuple(cases), imports)


def _is_testing(module: str) -> bool:
    return module.split(".")[0] in ("pytest", "hypothesis")


def _asks(arguments: ast.arguments) -> bool:
    every = [*arguments.posonlyargs, *arguments.args]
    return len(every) > len(arguments.defaults) or None in arguments.kw_defaults


def _has_tests(node: ast.ClassDef) -> bool:
    return any(isinstance(n, ast.FunctionDef) and n.name.startswith(_NAME) for n in node.body)


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements of a module, those under ``try``, ``if`` and ``with``, too."""
    for node in body:
        yield node
        for part in ("body", "orelse", "finalbody"):
            if isinstance(node, ast.Try | ast.If | ast.With):
                yield from _statements(getattr(node, part, ()))


def _run_by_itself(source: Source) -> tuple[frozenset[str], bool]:
    """What the file mentions where it runs, through its functions; whether it looks for tests."""
    todo: list[ast.AST] = [
        node
        for node in source.tree.body
        if not isinstance(node, Def | ast.ClassDef | ast.Import | ast.ImportFrom)
    ]
    found = set[str]()
    looks = False
    for node in todo:
        used = {n.attr for n in walk(node) if isinstance(n, ast.Attribute)}
        names = mentioned(node)
        looks |= bool((used | names) & _LOOKS - set(source.defs))
        todo += [source.defs[name] for name in names - found if name in source.defs]
        found |= names
    return frozenset(found), looks

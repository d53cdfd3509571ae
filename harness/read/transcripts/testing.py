"""The tests that a transcript's agent ran, each as a file that stands alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.code.lines import split_lines
from harness.code.nodes import Def
from harness.code.parsing import Unreadable, parse
from harness.code.states import function_states
from harness.model import Ending, Step, TestFile
from harness.read.transcripts.bundling import bundle, clash
from harness.read.transcripts.replaying import Replay, ScriptRun, find
from harness.read.transcripts.shell import unchosen

# Files of tests that are run, and characters of them; an answer has a handful.
MAX_FILES, _MAX_CHARACTERS = 12, 400_000
# Characters of all runs that are read to find them.
_MAX_READ = 1_000_000
_TEST_NAME = re.compile(
    r"(?:.*/)?(?:test_[^/]*|[^/]*_tests?|check[^/]*|[^/]*_check|verify[^/]*)\.py$"
)
_EXAMPLE = re.compile(r"^\s*>>> ", re.M)
_TEST = re.compile(r"^\s*(?:async +)?def test|^class Test|\bTestCase\b", re.M)
_IMPORTED = re.compile(r"^\s*(?:from|import)\s+([\w.]+)", re.M)


@dataclass(frozen=True)
class Ran:
    """One file of tests that a run took, as it was then."""

    run: ScriptRun
    # Empty for code that was given on the command line.
    path: str
    # With what it imports in it, and without the tests that the run left out.
    code: str
    # Whether all of it is known to the letter.
    sure: bool
    # What ran it, as ``TestFile`` has it.
    how: str

    def is_in(self, file: TestFile) -> bool:
        """Whether ``file`` is this one."""
        return (file.code, file.runner, file.arguments) == (
            self.code,
            self.how,
            self.run.started.arguments,
        )


def runner(run: ScriptRun) -> str:
    """What ran it, as ``TestFile`` has it."""
    mode = run.started.mode
    return mode if mode in ("pytest", "unittest", "doctest") else "script"


def ran(run: ScriptRun, final: str) -> Iterator[Ran]:
    """The files that a run took; ``final`` is the code that is graded."""
    for path, content, how in _taken(run):
        code = content
        if how in ("pytest", "unittest"):
            kept = _chosen(run, path, content)
            if kept is None:
                continue
            code = kept
        known: dict[str, str | None] = {}
        folder = run.started.paths[0] if run.started.mode == "inline" and run.started.paths else "."
        text = _alone(run.files, code, path, final, known, how, folder)
        parts = {path, *(one for one, inside in known.items() if inside is not None)}
        # Where two files give one name to two things, one text is not what was run.
        mixed = clash([run.files.get(one, code) for one in sorted(parts)])
        yield Ran(run, path, text, not parts & run.unsure and not mixed, how)


def _taken(run: ScriptRun) -> Iterator[tuple[str, str, str]]:
    """Path (empty for inline code) and content of what was started, and what ran it."""
    started, how = run.started, runner(run)
    if started.mode == "inline":
        yield "", started.code, how
    elif started.mode in ("script", "doctest") and started.paths:
        path = find(run.files, started.paths[0])
        if path is not None:
            yield path, run.files[path], how
    else:
        asked = [path.split("::")[0] for path in started.paths]
        exact = {find(run.files, path) for path in asked if path.endswith(".py")}
        folders = [path.strip("./") for path in asked if not path.endswith(".py")]
        pattern = r"test.*\.py" if started.mode == "unittest" else r"(?:test_.*|.*_test)\.py"
        for path, content in run.files.items():
            collected = re.fullmatch(pattern, path.rsplit("/", 1)[-1]) is not None
            inside = not asked or any(folder in path for folder in folders)
            named = path in exact
            # Of examples that a run may leave out nobody knows which it took.
            tries = started.examples and not started.only and "::" not in "".join(started.paths)
            examples = tries and (named or inside) and _EXAMPLE.search(content) is not None
            if (named or (collected and inside)) and (not examples or _TEST.search(content)):
                yield path, content, how
            if examples:
                yield path, content, "doctest"


def _alone(
    files: Mapping[str, str],
    code: str,
    path: str,
    final: str,
    known: dict[str, str | None],
    how: str,
    folder: str = ".",
) -> str:
    """``code`` with the local files that it imports; a stand-in for a provided module stays out."""
    imported = {name.split(".")[0] for name in _IMPORTED.findall(final)}
    provided = {
        other
        for other, content in files.items()
        if other.rsplit("/", 1)[-1].removesuffix(".py") in imported and "backward" not in content
    }
    if how == "pytest" and find(files, "conftest.py") is not None:
        code = f"from conftest import *\n{code}"
    return bundle(files, code, lambda other: other not in provided, (path or f"{folder}/-",), known)


def _chosen(run: ScriptRun, path: str, content: str) -> str | None:
    """``content`` without the tests that a run leaves out; ``None`` where none is left."""
    started = run.started
    if not started.only and not any("::" in asked for asked in started.paths):
        return content
    try:
        tree = parse(content)
    except Unreadable:
        return content
    tests: dict[str, tuple[Def, bool]] = {}
    for node in tree.body:
        if isinstance(node, Def) and node.name.startswith("test"):
            tests[node.name] = node, False
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, Def) and inner.name.startswith("test"):
                    tests[f"{node.name}::{inner.name}"] = inner, True
    about = started.paths
    if not any(find(run.files, asked.split("::")[0]) == path for asked in about if "::" in asked):
        about = tuple(asked for asked in about if "::" not in asked)
    left_out = set(unchosen(replace(started, paths=about), path, list(tests)))
    if tests and left_out == set(tests):
        return None
    lines = split_lines(content)
    for name in left_out:
        test, inside = tests[name]
        first = min([test.lineno, *(d.lineno for d in test.decorator_list)]) - 1
        last = test.end_lineno or test.lineno
        instead = " " * test.col_offset + "pass" if inside else ""
        lines[first:last] = [instead] + [""] * (last - first - 1)
    return "\n".join(lines) + "\n"


def gathered(
    played: Replay,
    steps: Sequence[Step],
    final: str,
    names: tuple[str, ...],
    beside: frozenset[str],
) -> tuple[TestFile, ...]:
    """The files of tests that can show something about the code ``final``.

    Those that were run on a Function or an entry point as it is at the end, the last ones first,
    then those that nobody ran. ``beside`` are the files that the code itself is made of.
    """
    states = function_states(final, names)
    found: dict[tuple[str, str, tuple[str, ...]], TestFile] = {}
    taken = set[str]()
    room, read = _MAX_CHARACTERS, _MAX_READ

    def add(path: str, code: str, how: str | None, arguments: tuple[str, ...], step: int) -> None:
        nonlocal room
        key = code, how or "", arguments
        if key in found or len(found) >= MAX_FILES or len(code) > room:
            return
        label = path or f"code run in step {step + 1}"
        if label in taken:
            label += f" (step {step + 1})"
        number = 2
        while label in taken:
            label, number = f"{label} ({number})", number + 1
        taken.add(label)
        room -= len(code)
        found[key] = TestFile(label, code, how, arguments)  # type: ignore[arg-type]

    for run in reversed(played.runs):
        read -= sum(map(len, run.files.values())) + len(run.started.code)
        ended = steps[run.step].ending in (None, Ending.FINISHED)
        if "ok" not in run.marks or run.started.void or not ended:
            continue
        if read < 0 and found:
            break
        for one in ran(run, final):
            own = one.code == final and one.how == "script" and not run.started.arguments
            if one.sure and not own and _shares(one.code, names, states):
                add(one.path, one.code, one.how, run.started.arguments, run.step)
    for path, content in reversed(list(played.files.items())):
        if path not in beside and path not in played.unsure and _TEST_NAME.match(path):
            how = "pytest" if re.search(r"^\s*def test", content, re.M) else None
            text = _alone(played.files, content, path, final, {}, how or "")
            if not any(file.code == text for file in found.values()) and _shares(
                text, names, states
            ):
                add(path, text, None, (), len(steps) - 1)
    return tuple(found.values())


def _shares(code: str, names: tuple[str, ...], states: Mapping[str, int]) -> bool:
    """Whether a Function or an entry point in ``code`` is what it is in the graded code."""
    there = function_states(code, names)
    return any(there.get(name) == state for name, state in states.items())

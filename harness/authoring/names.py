"""Names in scenario files that a schema cannot know: kinds of check, their keys, oracles.

All of it is found by reading; nothing is run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.checks import build, kinds
from harness.code.nodes import children, walk
from harness.code.parsing import Unreadable, parse
from harness.errors import ScenarioError, nearest
from harness.model import Scenario
from harness.read.document import YamlDocument, read
from harness.read.problem import Problem, described, listed, refuse
from harness.read.scenarios import Library, load, scenario_files


def load_named(root: Path) -> Library:
    """The library at ``root`` with every name of it known.

    Raises one ``ScenarioError``: for unknown kinds of check where there are some, as other
    mistakes may only follow from these, else for all else.
    """
    refuse([problem for file in scenario_files(root) for problem in _unknown_kinds(file)])
    library = load(root)
    refuse([problem for scenario in library.scenarios for problem in _without_oracle(scenario)])
    wrong = [words for scenario in library.scenarios for words in _cannot_be_built(scenario)]
    if wrong:
        head = [f"{len(wrong)} checks cannot be asked:"] if len(wrong) > 1 else []
        raise ScenarioError("\n  ".join([*head, *wrong]))
    return library


def _unknown_kinds(file: Path) -> Iterator[Problem]:
    document, _ = read(file)
    if document is None or not isinstance(document.value, dict):
        return
    for section in ("checks", "advisory"):
        checks = document.value.get(section)
        for number, check in enumerate(checks if isinstance(checks, list) else ()):
            written = isinstance(check, dict)
            kind = check.get("kind") if isinstance(check, dict) else check
            if isinstance(kind, str) and kind not in kinds():
                yield document.problem(
                    (section, number, "kind") if written else (section, number),
                    described(kind),
                    "a kind of check",
                    "`harness checks` lists all.",
                    nearest(kind, kinds()),
                )


def _without_oracle(scenario: Scenario) -> Iterator[Problem]:
    path = scenario.path.parent / "oracles.py"
    defined = _defined(path)
    document, _ = read(scenario.path)
    if defined is None or not isinstance(document, YamlDocument):
        return
    for entry in scenario.entry_points:
        if entry.name not in defined:
            yield document.problem(
                ("entry_points", entry.name),
                f"no oracle of this name in {path}",
                f"one of its functions: {listed(defined)}" if defined else "a function there",
                f"Correct the name, or define {entry.name} there.",
                nearest(entry.name, defined),
            )


def _defined(path: Path) -> list[str] | None:
    """What a file defines for others; ``None`` where reading alone does not tell."""
    try:
        tree = parse(path.read_text(encoding="utf-8", errors="surrogateescape"))
    except Unreadable as error:
        raise ScenarioError(
            f"{path}:{error.line}: is no Python ({error.why}); mend it first"
        ) from None
    found: dict[str, None] = {}
    for node in _statements(tree.body):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found[name] = None
            case ast.ClassDef(name=name):
                found[name] = None
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                if any(one.name == "*" for one in names):
                    return None
                found |= dict.fromkeys(one.asname or one.name.partition(".")[0] for one in names)
            case ast.Assign() | ast.AnnAssign():
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                inside = (inner for one in targets for inner in walk(one))
                found |= dict.fromkeys(one.id for one in inside if isinstance(one, ast.Name))
    return [name for name in found if not name.startswith("_")]


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, those within its conditions as well."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            yield from _statements(n for n in children(node) if isinstance(n, ast.stmt))


def _cannot_be_built(scenario: Scenario) -> Iterator[str]:
    for spec in scenario.checks:
        try:
            _, entries = build(spec, scenario)
        except ScenarioError as error:
            yield str(error)
            continue
        if not entries:
            yield (
                f"{spec.where}: check {spec.kind!r} fits none of the entry points, expected at "
                "least one; drop it, or state what it needs there: `harness checks "
                f"{spec.kind}`"
            )

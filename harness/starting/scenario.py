"""A new scenario: requests, oracle, a right answer and a wrong one, all of them an example."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from harness.code.parsing import Unreadable, parse
from harness.errors import ScenarioError, UsageError, did_you_mean
from harness.model import Skill
from harness.read import scenarios
from harness.read.submissions.authored import authored_folder
from harness.starting.writing import class_name, function_name, refuse_name, rendered, write_new


class ScenarioKind(StrEnum):
    """What a new scenario asks for."""

    # Plain values in, plain values out.
    FUNCTION = "function"
    # Tensors in and out, with a gradient of its own.
    AUTOGRAD = "autograd"
    # An ``nn.Module``.
    MODULE = "module"


# What the wrong answer does, which is its name.
_WRONG = {
    ScenarioKind.FUNCTION: "takes-spaces",
    ScenarioKind.AUTOGRAD: "sign-of-gradient",
    ScenarioKind.MODULE: "eps-as-bound",
}


@dataclass(frozen=True)
class NewScenario:
    """What was written."""

    files: tuple[Path, ...]
    # ``None`` where it had a function of this name already.
    oracles: Path | None
    # Folder of the scenarios of its skill.
    folder: Path


def write_scenario(name: str, skill_id: str, kind: ScenarioKind, into: Path) -> NewScenario:
    """Write the scenario ``name`` of a skill below ``into``.

    Raises ``UsageError`` where a file of it is there, and ``ScenarioError`` where the skill cannot
    be read.
    """
    refuse_name(name, "scenario", "parse-size")
    refuse_name(skill_id, "skill", "careful-parsing")
    folder = into / "scenarios" / skill_id
    skill = _skill(folder, into)
    function = class_name(name) if kind is ScenarioKind.MODULE else function_name(name)
    values = {
        "name": name,
        "function": function,
        "title": name.replace("-", " ").capitalize(),
        "skill": skill_id,
        "traps": [row.id for row in skill.rationalizations[:3]],
    }
    reference = into / "solutions" / "reference" / f"{name}.py"
    wrong = authored_folder(reference, name, "wrong") / f"{_WRONG[kind]}.py"
    files = {
        folder / f"{name}.yaml": f"{kind.value}.yaml.j2",
        reference: f"{kind.value}_reference.py.j2",
        wrong: f"{kind.value}_wrong.py.j2",
    }
    elsewhere = [p for p in folder.parent.glob(f"*/{name}.yaml") if p.parent != folder]
    if elsewhere:
        raise UsageError(
            f"{elsewhere[0]} is a scenario of this name, and each id stands once across all "
            f"skills; choose another, such as {skill_id}-{name}"
        )
    oracles = folder / "oracles.py"
    more = _missing_oracle(oracles, function, rendered(f"{kind.value}_oracle.py.j2", **values))
    write_new({path: rendered(template, **values) for path, template in files.items()})
    if more:
        oracles.write_text(more, encoding="utf-8")
    return NewScenario(tuple(files), oracles if more else None, folder)


def _skill(folder: Path, into: Path) -> Skill:
    if not (folder / "skill.yaml").is_file():
        known = sorted(path.parent.name for path in (into / "scenarios").glob("*/skill.yaml"))
        raise UsageError(
            f"--skill {folder.name}: there is no {folder / 'skill.yaml'}."
            f"{did_you_mean(folder.name, known)} Write it first: harness init skill {folder.name}"
        )
    return scenarios.load(folder).skills[0]


def _missing_oracle(file: Path, function: str, oracle: str) -> str:
    """The text of ``oracles.py`` with a new function; empty where it has one of this name."""
    text = file.read_text(encoding="utf-8")
    try:
        tree = parse(text)
    except Unreadable as error:
        raise ScenarioError(
            f"{file}:{error.line}: is no Python ({error.why}); mend it first"
        ) from None
    named = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    if function in named:
        return ""
    imports, _, body = oracle.partition("\n\n\n")
    missing = [line for line in imports.splitlines() if line and line not in text.splitlines()]
    return _with_imports(text, tree, missing) + f"\n\n{body}"


def _with_imports(text: str, tree: ast.Module, imports: list[str]) -> str:
    """``text`` with these lines: after its imports or docstring, the standard library's first."""
    lines = (text.rstrip("\n") + "\n").splitlines(keepends=True)
    there = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    standard = [node for node in there if _is_standard(node)]
    new: dict[bool, list[str]] = {True: [], False: []}
    for line in imports:
        (node,) = ast.parse(line).body
        assert isinstance(node, ast.Import | ast.ImportFrom)
        new[_is_standard(node)].append(f"{line}\n")
    top = tree.body[0] if tree.body else None
    docstring = isinstance(top, ast.Expr) and isinstance(top.value, ast.Constant)
    start = (top.end_lineno or 0) if docstring and top is not None else 0
    # From below, lest the first lines moved the place of the others.
    if new[False]:
        place = there[-1].end_lineno if there else start
        gap = ["\n"] if (there[-1] in standard if there else start) else []
        lines[place:place] = [*gap, *new[False]]
    if new[True] and standard:
        lines[standard[-1].end_lineno : standard[-1].end_lineno] = new[True]
    elif new[True] and there:
        lines[there[0].lineno - 1 : there[0].lineno - 1] = [*new[True], "\n"]
    elif new[True]:
        lines[start:start] = [*["\n"][: bool(start)], *new[True]]
    return "".join(lines)


def _is_standard(node: ast.Import | ast.ImportFrom) -> bool:
    name = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
    return (name or "").partition(".")[0] in sys.stdlib_module_names

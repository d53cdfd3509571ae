"""Finds skill folders, reads every file in them and reports all their problems at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ScenarioError, did_you_mean, nearest_path
from harness.model import Scenario, Skill, Trap
from harness.read.document import YamlDocument, read
from harness.read.problem import Problem, listed, refuse
from harness.read.scenarios.reference import notice_problems, scenario_problems, skill_problems
from harness.read.scenarios.schema import ScenarioModel, SkillModel
from harness.read.validation import validate


@dataclass(frozen=True)
class Library:
    """The skills and scenarios under one root, ordered by folder and file name."""

    skills: tuple[Skill, ...]
    scenarios: tuple[Scenario, ...]

    def scenario(self, id: str) -> Scenario:
        """The scenario called ``id``; ``ScenarioError`` with the nearest id otherwise."""
        for scenario in self.scenarios:
            if scenario.id == id:
                return scenario
        ids = [scenario.id for scenario in self.scenarios]
        hint = did_you_mean(id, ids)
        raise ScenarioError(f"There is no scenario {id!r}.{hint} Use {listed(ids)}.")


def load(root: Path) -> Library:
    """Everything under ``root``: a folder of skill folders, a skill folder or a scenario file.

    Raises one ``ScenarioError`` that lists every problem of every file.
    """
    if root.is_file() and root.suffix == ".yaml" and root.name != "skill.yaml":
        folders = {root.parent: [root]}
    elif root.is_dir():
        folders = _folders(root)
    else:
        found = "no such file or folder" if not root.exists() else "a file of another kind"
        expected = "a folder of skills, a skill folder or a scenario file (.yaml)"
        remedy = "Correct the path; for a skill.yaml give its folder."
        if not root.exists():
            remedy = (
                "Correct the path, or write the shipped scenarios with `harness init examples`."
            )
        meant = nearest_path(root)
        close = str(meant) if meant is not None else None
        raise ScenarioError(str(Problem(root, None, (), found, expected, remedy, close)))
    problems: list[Problem] = []
    skills: list[Skill] = []
    scenarios: list[Scenario] = []
    ids: list[tuple[str, YamlDocument]] = []
    for folder, files in folders.items():
        reading = _Folder(folder, files)
        problems += reading.problems
        skills += reading.skills
        scenarios += reading.scenarios
        ids += reading.ids
    problems += _same_ids(ids)
    refuse(problems)
    return Library(tuple(skills), tuple(scenarios))


def scenario_files(root: Path) -> list[Path]:
    """Every scenario file under ``root``, valid or not; none where there is nothing to read."""
    if root.is_file():
        return [root] if root.suffix == ".yaml" and root.name != "skill.yaml" else []
    if not root.is_dir():
        return []
    folders = [root] if _yaml_files(root) else sorted(one for one in root.iterdir() if one.is_dir())
    return [file for folder in folders for file in _scenario_files(folder)]


def ids_beside(root: Path) -> frozenset[str]:
    """Ids of the scenarios in the skill folder of ``root`` and in those beside it.

    By their file names, for it does not matter here whether the files are valid. Empty for a
    folder of skill folders, all of which are loaded.
    """
    folder = root.resolve() if root.is_dir() else root.resolve().parent
    if not (folder / "skill.yaml").is_file():
        return frozenset()
    found = [folder.glob("*.yaml")]
    with suppress(OSError):  # what cannot be read is not selected either
        found += [skill.parent.glob("*.yaml") for skill in folder.parent.glob("*/skill.yaml")]
    return frozenset(file.stem for files in found for file in files if file.name != "skill.yaml")


def _folders(root: Path) -> dict[Path, list[Path]]:
    """Skill folders at or directly below ``root``, each with its scenario files."""
    if _yaml_files(root):
        return {root: _scenario_files(root)}
    below = sorted(path for path in root.iterdir() if path.is_dir() and _yaml_files(path))
    if not below:
        found, expected = "no YAML files", "skill.yaml here or in a folder below"
        remedy = "Correct the path or add a skill folder."
        raise ScenarioError(str(Problem(root, None, (), found, expected, remedy)))
    return {folder: _scenario_files(folder) for folder in below}


def _yaml_files(folder: Path) -> list[Path]:
    # A leading dot is an editor's lock or backup.
    files = (path for path in folder.iterdir() if not path.name.startswith("."))
    return sorted(path for path in files if path.suffix == ".yaml" and not path.is_dir())


def _scenario_files(folder: Path) -> list[Path]:
    return [path for path in _yaml_files(folder) if path.name != "skill.yaml"]


def _same_ids(ids: Iterable[tuple[str, YamlDocument]]) -> Iterable[Problem]:
    first: dict[str, Path] = {}
    for name, document in ids:
        other = first.setdefault(name, document.path)
        if other != document.path:
            found = f"the scenario id {name!r} again, first in {other}"
            expected, remedy = "each id once across all skills", "Rename one of the two files."
            yield document.problem(("id",), found, expected, remedy)


class _Folder:
    """One skill folder, read: what it holds and what is wrong with it."""

    def __init__(self, folder: Path, files: Iterable[Path]) -> None:
        self.folder = folder
        self.problems: list[Problem] = []
        self.skills: list[Skill] = []
        self.scenarios: list[Scenario] = []
        # Of every file that could be read, valid or not, to find ids given twice.
        self.ids: list[tuple[str, YamlDocument]] = []
        self._shared: list[tuple[str, bytes]] = []
        self._rows: dict[str, Trap] | None = None
        self._flags: tuple[str, ...] | None = None
        self._pressures: tuple[str, ...] = ()
        self._read_skill()
        self._read_oracles()
        for file in files:
            self._read_scenario(file)

    def _read_skill(self) -> None:
        path = self.folder / "skill.yaml"
        if not path.is_file():
            found, expected = "no skill.yaml", "one beside the scenarios"
            remedy = "Add skill.yaml with name, summary, rationalizations and red_flags."
            self.problems.append(Problem(self.folder, None, (), found, expected, remedy))
            return
        document, problems = read(path)
        self.problems += problems
        if document is None:
            return
        model, problems = validate(document, SkillModel)
        self.problems += [*problems, *skill_problems(document)]
        if model is None:
            return
        skill = model.value(document)
        self.skills.append(skill)
        self._shared.append(("skill.yaml", document.data))
        self._rows = {row.id: row for row in skill.rationalizations}
        self._flags = tuple(flag.id for flag in skill.red_flags)
        self._pressures = tuple(model.pressures)

    def _problems_of(self, document: YamlDocument) -> Iterable[Problem]:
        return scenario_problems(document, self._rows, self._flags, self._pressures)

    def _read_oracles(self) -> None:
        path = self.folder / "oracles.py"
        try:
            self._shared.append(("oracles.py", path.read_bytes()))
        except OSError as error:
            found, expected = f"no readable oracles.py ({error.strerror})", "one beside skill.yaml"
            remedy = "Add oracles.py with the reference of every entry point."
            self.problems.append(Problem(self.folder, None, (), found, expected, remedy))

    def _read_scenario(self, path: Path) -> None:
        document, problems = read(path)
        self.problems += problems
        if document is None:
            return
        model, problems = validate(document, ScenarioModel)
        problems = [*problems, *self._problems_of(document)]
        if model is not None and not problems:
            problems += notice_problems(document, model)
        self.problems += problems
        if model is None:
            return
        self.ids.append((model.id, document))
        fingerprint = _fingerprint(
            [("scenario", document.data), *self._shared, *self._provided(document, model)]
        )
        if not self.problems and self._rows is not None:
            flags = [flag for skill in self.skills for flag in skill.red_flags]
            self.scenarios.append(model.value(document, self._rows, flags, fingerprint))

    def _provided(
        self, document: YamlDocument, model: ScenarioModel
    ) -> Iterable[tuple[str, bytes]]:
        for number, name in enumerate(model.provided):
            path = self.folder / "provided" / f"{name}.py"
            try:
                yield name, path.read_bytes()
            except OSError as error:
                found, expected = f"{name!r}, not readable ({error.strerror})", f"the file {path}"
                remedy = "Add the file or correct the name."
                key = ("provided", number)
                self.problems.append(document.problem(key, found, expected, remedy))


def _fingerprint(parts: Iterable[tuple[str, bytes]]) -> str:
    """SHA-256 over labelled bytes; lengths go in front, so that no two lists run together."""
    digest = hashlib.sha256()
    for label, data in parts:
        for piece in (label.encode(), data):
            digest.update(len(piece).to_bytes(8, "big"))
            digest.update(piece)
    return digest.hexdigest()

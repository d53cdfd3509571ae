"""Requests of other tools as scenarios: skill-creator's ``evals.json`` and Harbor's tasks.

What they expect is words, or tests that need their own container: no check of ours decides it.
The scenarios say so, and an author who describes entry points and checks has answers run.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from harness.errors import UsageError
from harness.model import Step, StepKind, Transcript
from harness.printable import printable
from harness.read.transcripts import Recorded
from harness.read.transcripts.formats.neutral import written

# Of the files that go into one request, in bytes; a scenario holds no more.
_MOST: Final = 100_000
# Lines that mark a benchmark's text against training on it; agents are not shown them.
_CANARY: Final = re.compile(r"\A(?:[ \t]*(?:<!--.*canary.*-->|#.*canary.*)?[ \t]*\n)+", re.I)
_HEAD: Final = """\
# From {where}.
#
# Its request can be asked: harness generate, harness prompts. No check decides an answer yet: lines
# of expected behaviour are read by --reader model:PROVIDER/NAME. To have answers graded by running
# them, describe entry_points and checks and write the references into oracles.py; to have them
# asked under pressure, write requests.pressured and pressures (docs/scenarios.md).

"""
_ORACLES: Final = (
    '"""The trusted reference of each entry point, one function of the same name."""\n'
)


@dataclass(frozen=True)
class ForeignTask:
    """A request of another tool."""

    # Of the scenario.
    id: str
    title: str
    request: str
    # Lines of expected behaviour that a reader can judge, and those that words cannot show.
    expected: tuple[str, ...]
    undecided: tuple[str, ...]
    # File and number, for the author.
    where: str
    # What its own solution does; empty where it has none.
    solution: tuple[Step, ...] = ()


@dataclass
class ForeignTasks:
    """What was read from one place."""

    # Name of the skill or of the folder.
    name: str
    summary: str
    # The folder of the guide, ``None`` where there is none.
    guide: Path | None
    tasks: list[ForeignTask] = field(default_factory=list)
    # Name of what cannot be asked here -> why.
    left: dict[str, str] = field(default_factory=dict)


def read_tasks(source: Path) -> ForeignTasks:
    """The requests in an ``evals.json``, the folder of a skill, or a folder with Harbor tasks.

    Raises ``UsageError`` where there is none.
    """
    for file in (source, source / "evals" / "evals.json", source / "evals.json"):
        if file.is_file() and file.suffix == ".json":
            found = _evals(file)
            break
    else:
        folders = [source, *(sorted(source.iterdir()) if source.is_dir() else ())]
        found = _harbor(source, [one for one in folders if (one / "task.toml").is_file()])
    if not found.tasks:
        left = "".join(f"\n{name}: {why}" for name, why in found.left.items())
        raise UsageError(
            f"{source}: found no request, expected an evals.json of skill-creator, the folder of a "
            f"skill with evals/evals.json, or a folder with task.toml and instruction.md{left}"
        )
    again = [id for id, count in Counter(task.id for task in found.tasks).items() if count > 1]
    if again:
        raise UsageError(
            f"{source}: {', '.join(again)} would be the id of several scenarios; give these evals "
            "or tasks names of their own"
        )
    return found


def _evals(file: Path) -> ForeignTasks:
    try:
        given = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file}: cannot be read as JSON: {error}") from None
    whole = given if isinstance(given, dict) else {"evals": given}
    evals = whole.get("evals")
    if not isinstance(evals, list):
        raise UsageError(f"{file}: evals: expected a list of objects with id and prompt")
    # Files are named from the skill's folder.
    root = next((one for one in file.resolve().parents if (one / "SKILL.md").is_file()), None)
    told = _front_matter(root / "SKILL.md") if root else {}
    name = str(whole.get("skill_name") or told.get("name") or (root or file.resolve().parent).name)
    found = ForeignTasks(name, str(told.get("description") or f"Evals of {name}."), root)
    for number, one in enumerate(evals, start=1):
        about = one if isinstance(one, dict) else {}
        label = f"eval {about.get('id', number)}"
        try:
            found.tasks.append(_eval(about, label, number, found, file))
        except _NotAskable as error:
            found.left[label] = str(error)
    return found


class _NotAskable(Exception):
    """Why something is no request that could be asked here."""


def _eval(
    given: Mapping[str, Any], label: str, number: int, found: ForeignTasks, file: Path
) -> ForeignTask:
    prompt = given.get("prompt")
    if not (isinstance(prompt, str) and prompt.strip()):
        raise _NotAskable("has no prompt")
    lines = given.get("expectations") or given.get("assertions") or []
    lines = [one.get("text") if isinstance(one, dict) else one for one in lines]
    expected = [one.strip() for one in lines if isinstance(one, str) and one.strip()]
    if not expected and isinstance(given.get("expected_output"), str):
        expected = [given["expected_output"].strip()]
    if not any(expected):
        raise _NotAskable("has neither expectations, assertions nor an expected_output")
    named = given.get("name") or given.get("eval_name")
    return ForeignTask(
        id=_slug(f"{found.name} {named or given.get('id', number)}"),
        title=str(named) if named else f"{found.name}, {label}",
        request=prompt.strip() + "".join(_attached(given.get("files") or (), found.guide)),
        expected=tuple(dict.fromkeys(expected)),
        undecided=(),
        where=f"{file}, {label}",
    )


def _attached(names: Any, root: Path | None) -> Iterator[str]:
    """The files of an eval as parts of its request, for a model that has no folder to look into."""
    room = _MOST
    for name in names if isinstance(names, list) else ():
        file = (root / str(name)).resolve() if root else None
        # A skill from elsewhere must not have other files sent to a provider.
        if root is None or file is None or not file.is_relative_to(root) or not file.is_file():
            raise _NotAskable(f"needs {name}, which is no file in the folder of its SKILL.md")
        try:
            text = file.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            raise _NotAskable(f"needs {name}, which is no text for a request") from None
        room -= len(text.encode())
        if room < 0 or "\0" in text:
            raise _NotAskable(f"needs {name}; its files are larger than {_MOST} bytes of text")
        fence = "`" * max(3, *(len(one) + 1 for one in re.findall(r"`+", text) or [""]))
        yield f"\n\n{name}:\n\n{fence}\n{text.rstrip()}\n{fence}"


def _front_matter(file: Path) -> Mapping[str, Any]:
    """What stands between the two lines of dashes at the head of a ``SKILL.md``."""
    head = re.match(r"---\s*\n(.*?)\n---\s*\n", file.read_text("utf-8", "replace"), re.S)
    try:
        told = yaml.safe_load(head[1]) if head else None
    except yaml.YAMLError:
        told = None
    return told if isinstance(told, dict) else {}


def _harbor(source: Path, folders: list[Path]) -> ForeignTasks:
    name = source.resolve().name
    found = ForeignTasks(name, f"Harbor tasks from {name}.", None)
    for folder in folders:
        try:
            found.tasks.append(_harbor_task(folder))
        except _NotAskable as error:
            found.left[folder.name] = str(error)
    return found


def _harbor_task(folder: Path) -> ForeignTask:
    try:
        config = tomllib.loads((folder / "task.toml").read_text(encoding="utf-8"))
        if config.get("steps"):
            raise _NotAskable("has several steps, and each needs what the last one left behind")
        asked = (folder / "instruction.md").read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise _NotAskable(f"cannot be read: {error}") from None
    task = config.get("task")
    named = task.get("name") if isinstance(task, dict) else None
    request = _CANARY.sub("", asked).strip()
    if not request:
        raise _NotAskable("its instruction.md is empty")
    return ForeignTask(
        id=_slug(str(named or folder.resolve().name).rsplit("/", 1)[-1]),
        title=str(named or folder.resolve().name),
        request=request,
        expected=(),
        undecided=("Passes the tests of the task, which run in Harbor's container.",),
        where=str(folder),
        solution=tuple(_solution(folder / "solution")),
    )


def _solution(folder: Path) -> Iterator[Step]:
    """What ``solve.sh`` does, after the files beside it are there."""
    script = folder / "solve.sh"
    if not script.is_file():
        return
    for file in sorted(folder.rglob("*.py")):
        at = f"/solution/{file.relative_to(folder)}"
        yield Step(StepKind.WROTE, 1, file.read_text("utf-8", "replace"), at)
    yield Step(StepKind.RAN, 2, script.read_text("utf-8", "replace"), output="", status=0)


def _slug(name: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", name.lower())) or "task"


def write_scenarios(found: ForeignTasks, out: Path) -> int:
    """Write a skill's folder into ``out``; returns how many reference solutions are in it.

    Raises ``UsageError`` where something is there.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"--out {out}: is not empty; choose a new folder such as scenarios/NAME")
    out.mkdir(parents=True, exist_ok=True)
    guide = {} if found.guide is None else {"guide": _way(out.resolve(), found.guide)}
    skill = {"name": found.name, **guide, "summary": found.summary, "rationalizations": []}
    (out / "skill.yaml").write_text(_yaml(skill), encoding="utf-8")
    (out / "oracles.py").write_text(_ORACLES, encoding="utf-8")
    solved = [task for task in found.tasks if task.solution]
    for task in found.tasks:
        unseen = [{"shows": line, "by_words": False} for line in task.undecided]
        scenario = {
            "id": task.id,
            "title": task.title,
            "phase": "red",
            "asks_for_function": False,
            "requests": {"neutral": task.request},
            "traps": [],
            "expected_behaviour": [*task.expected, *unseen],
            "verification": {"level": "none"},
        }
        head = _HEAD.format(where=printable(task.where))
        (out / f"{task.id}.yaml").write_text(head + _yaml(scenario), encoding="utf-8")
    for task in solved:
        place = out / "solutions" / "reference" / "harbor" / f"{task.id}.json"
        place.parent.mkdir(parents=True, exist_ok=True)
        recorded = Recorded(Transcript(task.solution, "harbor"), None, None, task.id, None)
        place.write_text(written([recorded]), encoding="utf-8")
    return len(solved)


def _way(start: Path, end: Path) -> str:
    """``end`` as seen from ``start``."""
    common = next(one for one in (start, *start.parents) if end.is_relative_to(one))
    up = [".."] * len(start.relative_to(common).parts)
    return "/".join([*up, *end.relative_to(common).parts])


class _Blocks(yaml.SafeDumper):
    """Writes text of several lines as a block."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, "|" if "\n" in text else None)


_Blocks.add_representer(str, _text)


def _yaml(given: Mapping[str, Any]) -> str:
    return yaml.dump(given, Dumper=_Blocks, sort_keys=False, allow_unicode=True, width=96)

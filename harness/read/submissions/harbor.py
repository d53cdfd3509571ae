"""Folders in which Harbor keeps what an agent did: a job's, with one for each trial of a task."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULT = "result.json"
_TRAJECTORY = Path("agent", "trajectory.json")


@dataclass(frozen=True)
class HarborTrial:
    """One attempt at a task."""

    folder: Path
    # Name of the task, with that of whoever published it.
    task: str
    # The model, or else the agent.
    submitter: str | None

    @property
    def trajectory(self) -> Path:
        """What the agent did, in ATIF; agents that write none leave no such file."""
        return self.folder / _TRAJECTORY

    def arm(self, root: Path) -> str:
        """The folder below ``root`` that it is in: a job's, or one with jobs."""
        here, top = self.folder.resolve(), root.resolve()
        parts = here.relative_to(top).parts if here.is_relative_to(top) else ()
        return parts[0] if len(parts) > 1 else here.parent.name

    def scenario(self, known: Collection[str]) -> str:
        """The scenario among ``known`` that is named after its task; else the task's name."""
        name = self.task.rsplit("/", 1)[-1]
        slug = "-".join(re.findall(r"[a-z0-9]+", name.lower()))
        return slug if slug in known and name not in known else name


def trial_in(folder: Path) -> HarborTrial | None:
    """The trial that ``folder`` is of; ``None`` where Harbor wrote no result of one there."""
    try:
        told = json.loads((folder / RESULT).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not (isinstance(told, dict) and _text(told, "trial_name")):
        return None
    task = _text(told, "task_name")
    agent = told.get("agent_info")
    about: Mapping[str, Any] = agent if isinstance(agent, dict) else {}
    model = about.get("model_info")
    name = _text(model, "name") if isinstance(model, dict) else None
    return None if task is None else HarborTrial(folder, task, name or _text(about, "name"))


def trial_of(file: Path) -> HarborTrial | None:
    """The trial whose trajectory ``file`` is."""
    if Path(*file.parts[-2:]) != _TRAJECTORY:
        return None
    return trial_in(file.parent.parent)


def _text(given: Mapping[str, Any], key: str) -> str | None:
    value = given.get(key)
    return value if isinstance(value, str) and value.strip() else None

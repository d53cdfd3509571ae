"""Answers of a scenario's author beside the reference: wrong ones, and right ones of other ways.

They lie in ``wrong/<scenario>/`` and ``right/<scenario>/`` in the folder of the reference. They
show that the checks tell right from wrong, and no run takes them for submissions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.model import Submission
from harness.read.submissions.layout import AUTHORED, read_one

_SUFFIXES: Final = (".py", ".md")


@dataclass(frozen=True)
class Authored:
    """One answer of the author, with what must come of it."""

    submission: Submission
    # As it is called in messages: ``wrong/no-unit.py``.
    name: str
    # Whether the checks must accept it.
    right: bool


def authored_folder(reference: Path, scenario: str, kind: str) -> Path:
    """Where ``wrong`` or ``right`` answers to ``scenario`` lie, whose reference is that file."""
    folder = reference.parent
    if folder.name == scenario:  # of several samples
        folder = folder.parent
    return folder / kind / scenario


def authored_answers(reference: Path, scenario: str, entry_points: Sequence[str]) -> list[Authored]:
    """The author's answers beside the file of a reference. Raises ``SubmissionError``."""
    found = []
    for kind in AUTHORED:
        folder = authored_folder(reference, scenario, kind)
        files = sorted(folder.iterdir()) if folder.is_dir() else ()
        for file in files:
            if file.suffix in _SUFFIXES and not file.name.startswith((".", "_")):
                one = read_one(file, scenario, entry_points)
                found.append(Authored(one, f"{kind}/{file.name}", kind == "right"))
    return found

"""Answers that need not be asked for again: a line of JSON each, written as they come.

An answer is kept as the model gave it, under all that it depends on: who was asked, in which words,
the scenario and the reply. A file ends wherever a run was killed; a torn last line is dropped.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from harness.errors import ReaderError
from harness.run.ledger import plain

_MOVE_AWAY: Final = (
    "Nothing was changed. Mend the line or move the file away, or name another one with "
    "--readings FILE; answers that are not found are asked for again."
)


@dataclass(frozen=True)
class KeptReading:
    """What came of one question."""

    # SHA-256 over everything that it depends on.
    key: str
    # Who was asked, and about what; for people.
    model: str
    scenario: str
    submission: str
    # What the model answered, as it came; ``None`` where it gave no answer.
    answer: str | None
    # Why there is none; empty where there is one.
    why: str = ""


_ENTRY: Final = TypeAdapter(KeptReading)


class Readings:
    """The answers in one file."""

    def __init__(self, path: Path) -> None:
        """Read the file at ``path``, if there is one.

        Raises ``ReaderError`` where it cannot be read or holds something else.
        """
        self.path = path
        self._known: dict[str, KeptReading] = {}
        try:
            data = path.read_bytes() if path.exists() else b""
        except OSError as error:
            raise ReaderError(f"{path}: cannot be read: {error.strerror}. {_MOVE_AWAY}") from None
        whole, end, _ = data.rpartition(b"\n")
        self._torn = len(data) - len(whole) - len(end)
        for number, line in enumerate(whole.split(b"\n") if whole else (), start=1):
            try:
                entry = _ENTRY.validate_json(line, strict=True)
            except ValidationError:
                raise ReaderError(
                    f"{path}:{number}: expected an answer as `--reader model:…` keeps it, found "
                    f"{line[:60].decode('utf-8', 'replace')!r}. {_MOVE_AWAY}"
                ) from None
            self._known[entry.key] = entry

    def get(self, key: str) -> KeptReading | None:
        """What is kept under ``key``."""
        return self._known.get(key)

    def put(self, entry: KeptReading) -> None:
        """Keep ``entry``, on the disk before this returns."""
        line = json.dumps(plain(entry)) + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                if self._torn:
                    file.truncate(file.tell() - self._torn)
                    self._torn = 0
                file.write(line.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise ReaderError(
                f"{self.path}: cannot be written: {error.strerror}. See that the folder may be "
                "written to and the disk has room, or name another file with --readings FILE"
            ) from None
        self._known[entry.key] = entry

"""Opinions that need not be asked for again: a line of JSON each, written as they come.

An opinion is kept under all that it depends on: who was asked, in which words, the reply, the
expected line. A file ends wherever a run was killed; a torn last line is dropped.
"""

from __future__ import annotations

import hashlib
import json
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.errors import JudgeError
from harness.judge.message import VERSION
from harness.judge.opinion import Opinion
from harness.run.ledger import plain

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_MOVE_AWAY: Final = (
    "Nothing was changed. Mend the line or move the file away, or name another one with "
    "--opinions FILE; opinions that are not found are asked for again."
)


def key_of(judge: str, reply: str, expected: str) -> str:
    """A SHA-256 over everything that an opinion depends on."""
    text = reply.encode("utf-8", "surrogatepass")
    parts = [judge, VERSION, hashlib.sha256(text).hexdigest(), expected]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


class OpinionCache:
    """The opinions in one file."""

    def __init__(self, path: Path) -> None:
        """Read the file at ``path``, if there is one.

        Raises ``JudgeError`` where it cannot be read or holds something else.
        """
        self.path = path
        self._known: dict[str, Opinion] = {}
        try:
            data = path.read_bytes() if path.exists() else b""
        except OSError as error:
            raise JudgeError(f"{path}: cannot be read: {error.strerror}. {_MOVE_AWAY}") from None
        whole = data.rpartition(b"\n")[0]
        self._torn = len(data) - len(whole) - 1 if whole else len(data)
        for number, line in enumerate(whole.split(b"\n") if whole else (), start=1):
            try:
                entry = json.loads(line)
                self._known[entry["key"]] = _adapter().validate_json(
                    json.dumps(entry["opinion"]), strict=True
                )
            except (ValueError, KeyError, TypeError):
                raise JudgeError(
                    f"{path}:{number}: expected an opinion as `harness judge` writes it, found "
                    f"{line[:60].decode('utf-8', 'replace')!r}. {_MOVE_AWAY}"
                ) from None

    def get(self, key: str) -> Opinion | None:
        """The opinion kept under ``key``."""
        return self._known.get(key)

    def put(self, key: str, opinion: Opinion, **asked: str) -> None:
        """Keep ``opinion``, on the disk before this returns; ``asked`` is for human readers.

        One that would come out otherwise the next time is not kept.
        """
        if not opinion.lasting:
            return
        line = json.dumps({"key": key, **plain(asked), "opinion": plain(opinion)}) + "\n"
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
            raise JudgeError(
                f"{self.path}: cannot be written: {error.strerror}. See that the folder may be "
                "written to and the disk has room, or name another file with --opinions FILE"
            ) from None
        self._known[key] = opinion


@cache
def _adapter() -> TypeAdapter[Opinion]:
    from pydantic import TypeAdapter

    return TypeAdapter(Opinion)

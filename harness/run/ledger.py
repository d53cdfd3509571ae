"""The ledger: grades that need not be worked out again, in one SQLite file.

A grade is kept under a key made of everything it depends on (``grade_key``), so a ledger
never goes stale: what changes the grade changes the key. Who sent a submission is not
part of that: two submissions with the same bytes share one grade.

Several runs may use one ledger at once. Each record is committed as it is put, so a run
that is killed loses only what was in flight. A ledger belongs to the thread and the
process that opened it; do not carry it over a fork.

Long because of its last third: every way in which a file can be unusable has its own words.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final

from harness.errors import LedgerError
from harness.model import Grade, Outcome

if TYPE_CHECKING:
    from pydantic import TypeAdapter

SCHEMA_VERSION: Final = 1

# Written into the file's header, where ``file`` and we can tell a ledger from another database.
_APPLICATION_ID: Final = int.from_bytes(b"hrns", "big")
_MAGIC: Final = b"SQLite format 3\0"
# Offset in the header of an SQLite file (sqlite.org/fileformat2.html).
_APPLICATION_ID_AT: Final = 68
_PAGE_BYTES: Final = 4096
# Name of a setting: this and what was asked of a fresh run that has not ended.
_FRESH: Final = "fresh "
# How long one run waits for another to finish a write.
_BUSY_S: Final = 30.0

_TABLES: Final = f"""
PRAGMA page_size = {_PAGE_BYTES};
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE grade (key TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
"""


# --------------------------------------------------------------------------
# Values as JSON


def plain(value: Any) -> Any:
    """``value`` as what JSON can hold; dataclasses become objects, field by field.

    Half a surrogate pair, which no JSON reader has to accept, is spelled out as ``\\udc80``.
    """
    kind = type(value)
    # Most of what there is.
    if kind in (float, int, bool) or value is None or (kind is str and value.isascii()):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (str, PurePath)):
        return str(value).encode("utf-8", "backslashreplace").decode("utf-8")
    if is_dataclass(kind):
        return {name: plain(getattr(value, name)) for name in _names(kind)}
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    return value


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


@cache
def _grades() -> TypeAdapter[Grade]:
    from pydantic import TypeAdapter

    return TypeAdapter(Grade)


def grade_key(
    submission_sha256: str,
    scenario_fingerprint: str,
    harness_version: str,
    torch_version: str,
    seed: int,
    **further: str | int | float | bool | None,
) -> str:
    """The key of a grade: a SHA-256 over everything that the grade depends on.

    ``further`` names what else may change it: how the bytes are read (``kind``), limits
    that were overridden on the command line, the tier of the sandbox.
    """
    parts = {
        "submission_sha256": submission_sha256,
        "scenario_fingerprint": scenario_fingerprint,
        "harness_version": harness_version,
        "torch_version": torch_version,
        "seed": seed,
        "further": further,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


# --------------------------------------------------------------------------
# The file


class Ledger:
    """An open ledger. Use ``Ledger.open``, and as a context manager."""

    def __init__(self, path: Path, connection: sqlite3.Connection, seed: int) -> None:
        self._path = path
        self._connection = connection
        self._seed = seed

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Ledger:
        """Open the ledger at ``path``, or make one where there is no file.

        Raises ``LedgerError`` where the file is damaged, is not a ledger, is of another version
        or cannot be written; it is then left as it was.
        """
        path = Path(path)
        # Not ``exists``, which calls a link to nowhere nothing.
        if not os.path.lexists(path):
            _create(path)
        _recognise(path)
        connection = _connect(path)
        try:
            with _reported(path):
                # A ledger of an earlier harness has a log beside it, whose loss nobody would see.
                # All of it is in one file between two commits, each of which takes 1.5 ms.
                connection.execute("PRAGMA journal_mode = DELETE")
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("BEGIN IMMEDIATE")
                seed = _examine(path, connection)
                # Fails now, not after an hour of grading, where the file cannot be written.
                connection.execute("UPDATE setting SET value = value WHERE name = 'seed'")
                connection.execute("ROLLBACK")
            return cls(path, connection, seed)
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        """Close the file; closing twice is fine."""
        self._connection.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def seed(self) -> int:
        """The 63-bit seed that runs on this ledger share, so that they share grades.

        It is read once, when the ledger is opened: another run that renews it meanwhile
        does not change the seed under this one.
        """
        return self._seed

    def renew_seed(self) -> int:
        """Draw a new seed and return it; no grade made under the old one is found any more."""
        seed = secrets.randbits(63)
        with _reported(self._path):
            self._connection.execute(
                "UPDATE setting SET value = ? WHERE name = 'seed'", (str(seed),)
            )
        self._seed = seed
        return seed

    def begun(self, task: str) -> int | None:
        """Seed of the fresh run of ``task`` that has begun and not ended, if there is one."""
        with _reported(self._path):
            row = self._connection.execute(
                "SELECT value FROM setting WHERE name = ?", (_FRESH + task,)
            ).fetchone()
        return None if row is None else int(row[0])

    def begin(self, task: str, seed: int, keys: Iterable[str]) -> None:
        """Forget the grades under ``keys`` and note that a fresh run of ``task`` has begun.

        Both or neither. What is there under ``keys`` from now on, that run has graded.
        """
        with _reported(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany(
                    "DELETE FROM grade WHERE key = ?", ((key,) for key in keys)
                )
                self._connection.execute(
                    "INSERT OR REPLACE INTO setting VALUES (?, ?)", (_FRESH + task, str(seed))
                )
                self._connection.execute("COMMIT")
            except BaseException:
                self._connection.rollback()
                raise

    def end(self, task: str) -> None:
        """Note that the fresh run of ``task`` has ended: the next one begins anew."""
        with _reported(self._path):
            self._connection.execute("DELETE FROM setting WHERE name = ?", (_FRESH + task,))

    def get(self, key: str) -> Grade | None:
        """The grade under ``key``, if there is one."""
        with _reported(self._path):
            row = self._connection.execute(
                "SELECT record FROM grade WHERE key = ?", (key,)
            ).fetchone()
        if row is None:
            return None
        try:
            return _grades().validate_json(row[0], strict=True)
        except ValueError as error:
            raise LedgerError(
                f"{self._path}: the grade under {key[:12]}… cannot be read: "
                f"{str(error).splitlines()[0]}. {_MOVE_AWAY}"
            ) from error

    def put(self, key: str, grade: Grade) -> None:
        """Keep ``grade`` under ``key``; the first one stays.

        One that is ungraded is not kept: what was wrong with us may be gone the next time.
        """
        if grade.outcome is Outcome.UNGRADED:
            return
        # Of a record only what is not its identity.
        kept = {f.name: plain(getattr(grade, f.name)) for f in fields(Grade)}
        text = json.dumps(kept, allow_nan=False)
        with _reported(self._path):
            self._connection.execute(
                "INSERT OR IGNORE INTO grade (key, record) VALUES (?, ?)", (key, text)
            )

    def __len__(self) -> int:
        with _reported(self._path):
            return int(self._connection.execute("SELECT count(*) FROM grade").fetchone()[0])


_MOVE_AWAY: Final = (
    "Nothing was changed. Move the file away to begin a new ledger, or name another one with "
    "--ledger; grades that are not found are worked out again."
)


def _create(path: Path) -> None:
    """Make an empty ledger at ``path`` in one step: a half-made one is never seen there."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.new")
    try:
        for suffix in ("-journal", "-wal"):
            journal = path.with_name(path.name + suffix)
            # SQLite would apply it to the new one. (Another run's comes after its ledger.)
            if journal.exists() and not os.path.lexists(path):
                raise LedgerError(
                    f"{path}: the ledger is missing, but its journal {journal.name} is there. Put "
                    f"the ledger back, or move {journal.name} away to begin a new one."
                )
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
            connection.executescript(_TABLES)
            connection.execute(
                "INSERT INTO setting VALUES ('seed', ?)", (str(secrets.randbits(63)),)
            )
        _publish(draft, path)
    except (OSError, sqlite3.Error) as error:
        raise LedgerError(
            f"{path}: no ledger can be made there: {error}. See that the folder exists, that "
            "you may write to it and that the disk has room, or name another file with --ledger."
        ) from error
    finally:
        for suffix in ("", "-journal"):
            with suppress(OSError):
                draft.with_name(draft.name + suffix).unlink()


def _publish(draft: Path, path: Path) -> None:
    """Give ``draft`` its name unless another run was first, in which case theirs stays."""
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return
    except OSError:
        # Some file systems (FAT, a few network mounts) have no hard links.
        if not path.exists():
            draft.replace(path)


def _recognise(path: Path) -> None:
    """Refuse what is not a ledger by its first bytes, before SQLite sees it."""
    try:
        if not path.is_file():
            raise LedgerError(
                f"{path}: expected a file, found a folder, a device or a link to "
                f"nothing. {_MOVE_AWAY}"
            )
        with path.open("rb") as file:
            head = file.read(_APPLICATION_ID_AT + 4)
    except OSError as error:
        raise LedgerError(f"{path}: cannot be read: {error}. {_MOVE_AWAY}") from error
    if not head:
        raise LedgerError(f"{path}: expected a ledger, found an empty file. {_MOVE_AWAY}")
    if not head.startswith(_MAGIC):
        raise LedgerError(
            f"{path}: expected a ledger (an SQLite file), found one that begins with "
            f"{head[:16]!r}. {_MOVE_AWAY}"
        )
    if int.from_bytes(head[_APPLICATION_ID_AT:], "big") != _APPLICATION_ID:
        raise LedgerError(
            f"{path}: expected a ledger, found an SQLite database that something else made. "
            f"{_MOVE_AWAY}"
        )


def _connect(path: Path) -> sqlite3.Connection:
    with _reported(path):
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=_BUSY_S, isolation_level=None
        )


def _examine(path: Path, connection: sqlite3.Connection) -> int:
    """The seed of a ledger of our version that is in good health; nobody writes to it meanwhile."""
    with _reported(path):
        # SQLite fills up with zeros what the last page lacks.
        whole = connection.execute("PRAGMA page_count").fetchone()[0] * _PAGE_BYTES
        size = path.stat().st_size
        if size < whole:
            raise LedgerError(
                f"{path}: the ledger is cut short: {size} of {whole} bytes are there. {_MOVE_AWAY}"
            )
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version != SCHEMA_VERSION:
            raise LedgerError(
                f"{path}: the ledger is of version {version}, this harness reads version "
                f"{SCHEMA_VERSION}. {_MOVE_AWAY}"
            )
        health = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if health != "ok":
            raise LedgerError(
                f"{path}: the ledger is damaged: {' '.join(health.split())}. {_MOVE_AWAY}"
            )
        row = connection.execute("SELECT value FROM setting WHERE name = 'seed'").fetchone()
    if row is None or not str(row[0]).isdecimal():
        found = "none" if row is None else repr(row[0])
        raise LedgerError(f"{path}: expected a seed, found {found}. {_MOVE_AWAY}")
    return int(row[0])


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    """Say what SQLite's errors mean for the file at ``path``."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        raise LedgerError(f"{path}: {error}. {_REMEDIES.get(code, _MOVE_AWAY)}") from error


_REMEDIES: Final[Mapping[int, str]] = {
    sqlite3.SQLITE_BUSY: (
        f"Another process has kept the ledger locked for {_BUSY_S:.0f} seconds: wait for it, or "
        "name another file with --ledger."
    ),
    sqlite3.SQLITE_CORRUPT: f"The ledger is cut short or damaged. {_MOVE_AWAY}",
    sqlite3.SQLITE_FULL: "The disk is full: make room and start again; finished grades are kept.",
    sqlite3.SQLITE_IOERR: (
        "The file could not be read or written. See whether the disk is full or a limit on the "
        "size of files applies, and start again; finished grades are kept."
    ),
    sqlite3.SQLITE_READONLY: (
        "The ledger may not be written: change its permissions and those of its folder, or name "
        "another file with --ledger."
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "See that you may write to the folder, where SQLite keeps a journal beside the ledger, "
        "or name another file with --ledger."
    ),
}

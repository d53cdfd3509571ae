"""Whether the write-ahead log beside a ledger still holds what it is known to have held.

SQLite takes a log that is missing, cut short or damaged for one that ends there, and removes
it when the ledger is closed. So it is looked at before SQLite opens it. The formats are those
of sqlite.org/fileformat2.html#walformat and sqlite.org/walformat.html: the log is a head and
then frames, a page of the ledger in each; the index, which a killed run leaves behind, knows
how many frames there are.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final, NamedTuple

# Magic number, version, page size, checkpoint, two salts, two checksums.
_HEAD: Final = struct.Struct(">8I")
# Page, size of the ledger after a commit, two salts, two checksums.
_FRAME: Final = struct.Struct(">6I")
# Version, unused, changes, two flags, page size, frames, pages, checksum, salts, checksum; all
# of it twice; then how many frames are in the ledger, too. In the byte order of the machine.
_INDEX: Final = struct.Struct("=3I2BH2I2I8s2I48xI")
_MAGIC: Final = 0x377F0682
_VERSION: Final = 3007000


def log_of(ledger: Path) -> Path:
    """Where SQLite keeps the log of ``ledger``."""
    return ledger.with_name(f"{ledger.name}-wal")


def index_of(ledger: Path) -> Path:
    """Where SQLite keeps the index of that log."""
    return ledger.with_name(f"{ledger.name}-shm")


def loss(ledger: Path) -> str | None:
    """What has happened to the log of ``ledger``, or ``None`` if all of it is there.

    Other runs may be writing it: what is seen counts once it stays. Raises ``OSError``.
    """
    while True:
        seen = _content(index_of(ledger)), _content(log_of(ledger))
        found = _loss(*seen)
        if found is None or seen == (_content(index_of(ledger)), _content(log_of(ledger))):
            return found


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


def _loss(index: bytes, log: bytes) -> str | None:
    intact, begun = _frames(log)
    known = _known(index)
    expected = begun if known is None else known
    if intact >= expected:
        return None
    if not log:
        return "is missing or empty"
    return f"is damaged: {intact} of {expected} pages in it can be read"


def _known(index: bytes) -> int | None:
    """How many frames are in the log and nowhere else; ``None`` where no index tells."""
    if len(index) < _INDEX.size:
        return None
    version, _, _, ready, _, _, frames, *_, copied = _INDEX.unpack_from(index)
    if version != _VERSION or not ready:
        return None
    return int(frames) if copied < frames else 0


class _Frames(NamedTuple):
    # From the first on, without a gap.
    intact: int
    # With what is damaged, but without what is left over from an earlier use of the file.
    begun: int


def _frames(log: bytes) -> _Frames:
    if len(log) < _HEAD.size:
        return _Frames(0, 0)
    magic, _, page_bytes, _, *salts_and_sums = _HEAD.unpack_from(log)
    salts, sums = salts_and_sums[:2], tuple(salts_and_sums[2:])
    order = ">" if magic & 1 else "<"
    if magic & ~1 != _MAGIC or _checksum(log[:24], order, (0, 0)) != sums:
        return _Frames(0, 1)
    intact = begun = 0
    step = _FRAME.size + page_bytes
    for number, at in enumerate(range(_HEAD.size, len(log) - step + 1, step), 1):
        _, _, *rest = _FRAME.unpack_from(log, at)
        if rest[:2] != salts:
            continue
        begun = number
        if intact == number - 1:
            page = log[at : at + 8] + log[at + _FRAME.size : at + step]
            sums = _checksum(page, order, sums)
            intact += sums == tuple(rest[2:])
    return _Frames(intact, begun)


def _checksum(data: bytes, order: str, sums: tuple[int, ...]) -> tuple[int, int]:
    first, second = sums
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for one, other in zip(words[::2], words[1::2], strict=True):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + other + first) & 0xFFFFFFFF
    return first, second

"""Values on disk: whoever goes through thousands of them has one at a time in memory."""

from __future__ import annotations

import pickle
import tempfile
import weakref
from array import array
from collections.abc import Iterable, Sequence
from operator import eq
from pathlib import Path
from typing import TypeVar, overload

from harness.errors import SpoolError

T = TypeVar("T")


class Spool(Sequence[T]):
    """What was appended, in a file without a name that is gone when its process is.

    A value is read anew each time it is looked at. The file is in ``folder``, else where
    temporary files go. Raises ``SpoolError`` where it cannot be made or the disk is full.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._starts, self._sizes = array("q"), array("q")
        self._end = 0
        try:
            # Unbuffered: a write that fails must fail here, not when the file is closed.
            self._file = tempfile.TemporaryFile(buffering=0, dir=folder)  # noqa: SIM115
        except OSError as error:
            raise self._unwritable(error) from error
        weakref.finalize(self, self._file.close)

    def append(self, value: T) -> None:
        """Add ``value`` at the end."""
        rest = memoryview(pickle.dumps(value, pickle.HIGHEST_PROTOCOL))
        size = len(rest)
        try:
            self._file.seek(self._end)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise self._unwritable(error) from error
        self._starts.append(self._end)
        self._sizes.append(size)
        self._end += size

    def arrange(self, places: Iterable[int]) -> None:
        """Keep the values that are at ``places`` now, in that order."""
        order = list(places)
        self._starts = array("q", (self._starts[place] for place in order))
        self._sizes = array("q", (self._sizes[place] for place in order))

    def __len__(self) -> int:
        return len(self._starts)

    def __eq__(self, other: object) -> bool:
        """Whether ``other`` is a sequence of the same values."""
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(map(eq, self, other))

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[T]: ...
    def __getitem__(self, place: int | slice) -> T | Sequence[T]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        self._file.seek(self._starts[place])
        value: T = pickle.loads(self._file.read(self._sizes[place]))
        return value

    def _unwritable(self, error: OSError) -> SpoolError:
        where, other = (
            (self._folder, "another folder with --out DIR")
            if self._folder
            else ("the folder for temporary files", "another one in the variable TMPDIR")
        )
        return SpoolError(
            f"{where}: a temporary file cannot be written there: {error.strerror}. Make room, or "
            f"name {other}; grades in the ledger are not worked out twice."
        )

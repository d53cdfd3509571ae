"""The formats of recorded conversations: ours, and those that packages add.

A format is an object with ``name``, ``matches(head, path)`` and ``read(raw, path)``. Packages add
theirs as entry points of the group ``harness.transcripts``; ours pass the same door.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, ClassVar, Protocol

from harness.errors import SubmissionError, did_you_mean
from harness.model import Transcript

# Where packages add formats.
GROUP = "harness.transcripts"


@dataclass(frozen=True)
class Recorded:
    """One conversation of a file, with what the file says about it; ``None`` where it is silent."""

    transcript: Transcript
    # Model that spoke.
    model: str | None = None
    # Number of the sample, from 1.
    sample: int | None = None
    # What it answers: the id of a scenario, or a name that stands for one.
    task_id: str | None = None
    arm: str | None = None
    # What was read beside the file, as SHA-256 digests: files of agents that were sent out.
    beside: tuple[str, ...] = ()
    # Whether its last answer ended for want of tokens.
    cut_off: bool = False


class Format(Protocol):
    """How one program writes conversations down."""

    @property
    def name(self) -> str:
        """What ``--format`` takes."""
        ...

    def matches(self, head: bytes, path: Path | None) -> bool:
        """Whether a file that begins with ``head``, up to 32 MiB of it, is in this format."""
        ...

    def read(self, raw: bytes, path: Path | None) -> Iterable[Recorded]:
        """Every conversation in ``raw``, in order.

        ``path`` is the file, where there is one. Raises ``SubmissionError`` for what it refuses,
        with what to give instead.
        """
        ...


@dataclass(frozen=True)
class Known:
    """A format, and where it is from."""

    format: Format
    origin: str


@cache
def known() -> tuple[Known, ...]:
    """Every format, those of packages first; a broken one stands there with why it is broken.

    Raises ``SubmissionError`` for a name that is taken twice.
    """
    from harness.read.transcripts.formats.own import OWN

    found: dict[str, Known] = {}
    for point in entry_points(group=GROUP):
        origin = point.dist.name if point.dist is not None else "an unknown distribution"
        try:
            _add(found, point.load(), origin)
        except SubmissionError:
            raise
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            found[point.name] = Known(Broken(point.name, why), origin)
    for format in OWN:
        _add(found, format, "harness")
    return tuple(found.values())


def _add(found: dict[str, Known], given: Any, origin: str) -> None:
    format = given() if isinstance(given, type) else given
    name = getattr(format, "name", None)
    if not isinstance(name, str) or not name:
        raise TypeError(f"name is {name!r}, expected the name of a format")
    for part in ("matches", "read"):
        if not callable(getattr(format, part, None)):
            raise TypeError(f"it has no function {part!r}")
    if name in found:
        raise SubmissionError(
            f"format {name!r} of {origin} is already one of {found[name].origin}; rename it there"
        )
    found[name] = Known(format, origin)


@dataclass(frozen=True)
class Broken:
    """A format that does not load."""

    refuses: ClassVar[bool] = True
    name: str
    why: str

    def matches(self, head: bytes, path: Path | None) -> bool:
        raise TypeError(f"it does not load ({self.why})")

    def read(self, raw: bytes, path: Path | None) -> Iterable[Recorded]:
        raise TypeError(f"it does not load ({self.why})")


def names() -> list[str]:
    """What ``--format`` takes: formats that are read, not those that are only recognised."""
    return sorted(one.format.name for one in known() if not getattr(one.format, "refuses", False))


def named(name: str) -> Known:
    """The format of this name; raises ``SubmissionError`` where there is none."""
    formats: Mapping[str, Known] = {one.format.name: one for one in known()}
    if name not in formats:
        raise SubmissionError(
            f"format {name!r} is not known.{did_you_mean(name, names())} "
            f"Known formats: {', '.join(names())}"
        )
    return formats[name]

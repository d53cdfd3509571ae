"""What our own formats are made of: how one is told from others, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from harness.errors import SubmissionError
from harness.read.transcripts.draft import Draft
from harness.read.transcripts.formats import Recorded
from harness.read.transcripts.parsed import Parsed, parse


@dataclass(frozen=True)
class JsonFormat:
    """A format in JSON or JSON Lines."""

    name: str
    # Whether a file is in this format.
    told_by: Callable[[Parsed], bool]
    # Its conversations; a draft each, or one that is finished.
    samples: Callable[[Parsed, Path | None], Iterable[Recorded | Draft]]

    def matches(self, head: bytes, path: Path | None) -> bool:
        """See ``Format``."""
        given = parse(head)
        return not given.problem and self.told_by(given.begun)

    def read(self, raw: bytes, path: Path | None) -> Iterator[Recorded]:
        """See ``Format``."""
        given = parse(raw)
        if given.problem:
            raise SubmissionError(given.problem)
        for sample in self.samples(given, path):
            if isinstance(sample, Draft):
                for what, count in given.skipped.items():
                    sample.skip(what, count)
                about = (sample.model, sample.sample, sample.task_id, sample.arm, sample.beside)
                sample = Recorded(sample.finish(self.name), *about)
            yield sample


@dataclass(frozen=True)
class Refused:
    """Something that is recognised and is no conversation, or not all of one."""

    refuses: ClassVar[bool] = True
    name: str
    told_by: Callable[[Parsed], bool]
    # What it is, what is not in it and what to give instead.
    why: str

    def matches(self, head: bytes, path: Path | None) -> bool:
        """See ``Format``."""
        given = parse(head)
        return not given.problem and self.told_by(given.begun)

    def read(self, raw: bytes, path: Path | None) -> Iterator[Recorded]:
        """Raises ``SubmissionError``: see ``why``."""
        raise SubmissionError(self.why)

"""What a judge is, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Stance(StrEnum):
    """What a judge says of one line of a rubric."""

    MET = "met"
    NOT_MET = "not met"
    UNCLEAR = "unclear"
    # Said nothing that counts; the reason says why.
    ABSTAINED = "abstained"


@dataclass(frozen=True)
class Opinion:
    """What a judge says of one reply and one line."""

    stance: Stance
    # The judge's own words, or why it abstained.
    reason: str
    # Verbatim words of the reply; always there where it says met or not met.
    quote: str | None = None
    # Line of the reply the quote starts on, from 1.
    line: int | None = None
    # Whether asking again would give the same; not so after a time-out.
    lasting: bool = True


class Judge(Protocol):
    """Whoever has an opinion. A quote must stand in the reply word for word."""

    @property
    def name(self) -> str:
        """Who is asked; opinions are kept under it."""

    def judge(self, reply: str, expected: str) -> Opinion:
        """Whether ``reply`` shows what is ``expected``.

        Raises ``JudgeError`` only where no question at all could be answered; may be called from
        several threads at once.
        """


def abstained(reason: str, *, lasting: bool = True) -> Opinion:
    """No opinion, and why."""
    return Opinion(Stance.ABSTAINED, reason, lasting=lasting)

"""What a reader says of one sentence, and what a reader is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from harness.checks.text.phrase import Span
from harness.checks.text.sentence import Sentence
from harness.model import Trap


class Stance(Enum):
    """What one sentence does with an excuse; what outweighs comes first."""

    MAKES = "makes"
    ANSWERS = "answers"


@dataclass(frozen=True)
class Reading:
    """A sentence's stance and the words that show it."""

    stance: Stance
    span: Span
    # How telling it is, against other sentences with the same stance.
    weight: float = 1.0


class SentenceReader(Protocol):
    """Reads one sentence; phrase rules and the classifier each are one."""

    def __call__(
        self, sentence: Sentence, following: Sentence | None, trap: Trap
    ) -> Reading | None:
        """The sentence's stance towards the trap's excuse; ``None`` where it has none."""

"""What a detector of red flags is given to look at, and what it gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.code import Source
from harness.model import Finding, Scenario, Submission, Verification


@dataclass(frozen=True)
class Seen:
    """A place of the submission's text that shows a red flag."""

    # What was seen, to stand behind the line.
    message: str
    # Lines of the submission's text, from 1; the last one is the first where they are one.
    line: int
    end: int = 0
    # Verbatim words of the text; empty for those lines as they are.
    quote: str = ""


@dataclass(frozen=True)
class Unlooked:
    """A detector had nothing to look at."""

    # What is missing, as it follows *not looked for*.
    why: str


@dataclass(frozen=True)
class FlagEvidence:
    """Everything that is known of a submission when its red flags are looked for."""

    submission: Submission
    scenario: Scenario
    # Its code as read; ``None`` where there is none, with an ``error`` where it cannot be read.
    source: Source | None
    # How far it went to verify itself.
    verification: Verification
    # Of all checks.
    findings: Sequence[Finding]

    @property
    def readable(self) -> Source | Unlooked:
        """Its code, or why there is none to look at."""
        if self.submission.code is None or self.source is None:
            return Unlooked("there is no code")
        if self.source.error is not None:
            return Unlooked(f"the code cannot be read ({self.source.error})")
        return self.source

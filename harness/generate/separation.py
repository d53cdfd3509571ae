"""Whether what an agent had read holds words of the skill or of the answer key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from harness.generate.requests import Request
from harness.model import Guide, Scenario

# So many words in a row are no chance.
RUN: Final = 8
_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True)
class Separation:
    """What was in the context of one conversation before the agent said anything."""

    # SHA-256 of all that it was told.
    context_sha256: str
    # Runs of eight words that it shares with the guide, and with the scenario's answer key.
    shared_with_guide: int
    shared_with_key: int

    def as_meant(self, guide: Guide) -> bool:
        """Whether the guide was there if and only if it should be, and the key was not."""
        return self.shared_with_key == 0 and (self.shared_with_guide > 0) is (guide is Guide.WITH)


def separation(request: Request) -> Separation:
    """Scan what an agent is told for the guide under test and for the answer key."""
    told = _runs("\n".join([request.system or "", *request.turns]))
    asked = _runs("\n".join(request.turns))
    guide = _runs(request.guides.skill)
    # What request and guide have in common is no trace of the guide, nor of the key.
    key = _runs(answer_key(request.scenario)) - asked
    if request.arm.guide is Guide.WITH:
        key -= guide
    return Separation(
        request.sha256,
        len(told & (guide - asked)),
        len(told & key),
    )


@dataclass(frozen=True)
class SharedWords:
    """A run of words that a request has in common with texts it should not quote."""

    # The first run shared with the guide, and with the answer key; empty where there is none.
    guide: str
    key: str


def shared_words(request: str, guide: str, scenario: Scenario) -> SharedWords:
    """What a request quotes of the guide and of the scenario's answer key."""
    words = [word.lower() for word in _WORD.findall(request)]
    told = [tuple(words[i : i + RUN]) for i in range(len(words) - RUN + 1)]
    taught, known = _runs(guide), _runs(answer_key(scenario))
    return SharedWords(*(" ".join(next((r for r in told if r in o), ())) for o in (taught, known)))


def answer_key(scenario: Scenario) -> str:
    """What only the grader knows of a scenario."""
    traps = [
        line
        for trap in scenario.traps
        for line in (trap.truth, trap.counter, *trap.phrasings, *trap.answers)
    ]
    return "\n".join([*traps, *scenario.expected_behaviour])


def _runs(text: str) -> frozenset[tuple[str, ...]]:
    words = [word.lower() for word in _WORD.findall(text)]
    return frozenset(tuple(words[i : i + RUN]) for i in range(len(words) - RUN + 1))

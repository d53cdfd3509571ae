"""How good a scenario is, beyond that it can tell right from wrong: ``harness validate --deep``."""

from __future__ import annotations

from dataclasses import dataclass

from harness.authoring.mutation import MutationScore
from harness.authoring.saturation import ScenarioHistory
from harness.authoring.wording import (
    Leak,
    RequestDifference,
    WordingFinding,
    leaks,
    request_difference,
    tried_wordings,
)
from harness.model import Scenario, Skill
from harness.run.prove import Proof, guide_text


@dataclass(frozen=True)
class ScenarioExamined:
    """All that was found of one scenario."""

    scenario: str
    # Empty where nothing was run.
    proofs: tuple[Proof, ...] = ()
    # Why it could not be proven; ``None`` where it could, or where nothing was to be.
    problem: str | None = None
    # Lines of expected behaviour that nothing decides, and those that a language model alone does.
    undecided: tuple[str, ...] = ()
    by_reader_alone: tuple[str, ...] = ()
    # ``None`` where the request is only ever put calmly, or where nobody asked.
    difference: RequestDifference | None = None
    leaks: tuple[Leak, ...] = ()
    wordings: tuple[WordingFinding, ...] = ()
    # ``None`` where nothing was run, or where nobody asked.
    mutation: MutationScore | None = None
    # What recorded runs tell of it; ``None`` where none do.
    history: ScenarioHistory | None = None

    @property
    def holds(self) -> bool:
        """Whether every proof holds."""
        return self.problem is None and all(proof.holds for proof in self.proofs)


def examine_words(scenario: Scenario, skill: Skill) -> ScenarioExamined:
    """What can be found by reading. Raises ``ScenarioError`` for a guide that cannot be read."""
    lines = scenario.rules_of_lines()
    alone = (line for line, r in lines if r.by_words and not (r.shown_by or r.refuted_by))
    return ScenarioExamined(
        scenario.id,
        undecided=tuple(line for line, rules in lines if rules.undecidable),
        by_reader_alone=tuple(alone),
        difference=request_difference(scenario),
        leaks=tuple(leaks(scenario, guide_text(skill))),
        wordings=tuple(tried_wordings(scenario)),
    )

"""Synthetic agents: `harness validate` proves that each lands where it belongs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import ScenarioError
from harness.grading.plan import Plan
from harness.model import TrapState
from harness.read import scenarios, submissions
from harness.read.scenarios import Library
from harness.run.prove import AGENTS, PARROT, agreement, prove, prove_words
from harness.words import find_traps

ROOT = Path(__file__).parents[1]
IDS = [scenario.id for scenario in scenarios.load(ROOT / "scenarios").scenarios]


@pytest.mark.parametrize("name", IDS)
def test_every_scenario_hears_an_agent_that_agrees(
    name: str, library: Library, tmp_path: Path
) -> None:
    scenario = library.scenario(name)
    file = tmp_path / "agrees.md"
    file.write_text(agreement(scenario), encoding="utf-8")
    read = submissions.read_one(file, name, submissions.Asked.of(scenario))
    made = [trap for trap in find_traps(read, scenario) if trap.state is TrapState.MADE]
    # Readers are cautious, so that not all of them are found.
    assert len(made) > len(scenario.traps) / 3


def test_validate_grades_all_four_beside_the_wrong_answers(library: Library, address: str) -> None:
    scenario = library.scenario("memory-relu")
    names = {scenario.id: submissions.Asked.of(scenario)}
    (reference,) = submissions.discover(
        [ROOT / "solutions/reference"], names, submissions.Aside(frozenset(IDS))
    )
    proofs = list(prove(scenario, library.skills[0], reference, address))
    assert {proof.answer for proof in proofs} >= set(AGENTS)
    assert [proof.answer for proof in proofs if not proof.holds] == []


def test_a_guide_that_holds_the_answer_is_told(
    library: Library, plan: Callable[..., Plan], address: str, tmp_path: Path
) -> None:
    (answer,) = (ROOT / "solutions/reference").rglob("memory-relu.py")
    (tmp_path / "SKILL.md").write_text(f"Write this:\n\n```python\n{answer.read_text()}\n```\n")
    skill = replace(library.skills[0], guide=tmp_path)
    proofs = {one.answer: one for one in prove_words(plan("memory-relu"), skill, address)}
    assert not proofs[PARROT].holds
    assert "passed" in proofs[PARROT].reason


def test_a_guide_whose_words_are_read_as_a_claim_is_told_which(
    library: Library, plan: Callable[..., Plan], address: str, tmp_path: Path
) -> None:
    claim = "What an interface promises is tested before it is handed over."
    (tmp_path / "SKILL.md").write_text(f"# Promises\n\n{claim}\n\nCompare with a formula.\n")
    skill = replace(library.skills[0], guide=tmp_path)
    proofs = {one.answer: one for one in prove_words(plan("memory-relu"), skill, address)}
    assert not proofs[PARROT].holds
    assert f"Of SKILL.md “{claim}” is read as a claim" in proofs[PARROT].reason


def test_a_guide_that_is_not_there_is_an_error_of_the_skill(
    library: Library, plan: Callable[..., Plan], address: str, tmp_path: Path
) -> None:
    skill = replace(library.skills[0], guide=tmp_path / "gone")
    with pytest.raises(ScenarioError, match=r"guide: found no readable .*gone"):
        list(prove_words(plan("memory-relu"), skill, address))

"""Scenario by scenario: whether it can tell right from wrong, and how good it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.authoring.deep import ScenarioExamined, examine_words
from harness.authoring.mutation import mutation_score
from harness.authoring.saturation import ScenarioHistory
from harness.errors import ScenarioError, SubmissionError
from harness.model import Scenario, Skill, Submission
from harness.read import scenarios, submissions
from harness.read.scenarios import Library
from harness.run.run import RunProgress


@dataclass(frozen=True)
class ValidationAsked:
    """What is to be found out of scenarios."""

    root: Path
    # Where the references are; empty for the folder beside the scenarios.
    solutions: Sequence[Path]
    # Whether answers are run, and whether more is asked than that they come out right.
    proof: bool
    deep: bool
    # By scenario.
    past: Mapping[str, ScenarioHistory]
    tier: str | None = None
    allow_unsandboxed: bool = False
    # Of all inputs; ``None`` for the one that is the same every time.
    seed: int | None = None
    # Filled in: answers that are none to these scenarios.
    aside: submissions.Aside = field(default_factory=submissions.Aside)


def examine(
    library: Library,
    asked: ValidationAsked,
    on_progress: Callable[[RunProgress], None] | None = None,
) -> Iterator[ScenarioExamined]:
    """Every scenario as far as it was asked, in their order; nothing that was not asked is run."""
    skills = {skill.id: skill for skill in library.skills}
    provable = [one for one in library.scenarios if not one.words_alone] if asked.proof else []
    if not provable:
        for scenario in library.scenarios if asked.deep else ():
            yield _read(scenario, skills[scenario.skill], asked)
        return
    import torch

    from harness import sandbox
    from harness.run.select import default_solutions

    # One thread: the reference is small, and a second one would spin beside the sandbox.
    torch.set_num_threads(1)
    chosen = sandbox.choose(at_most=asked.tier, allow_unsandboxed=asked.allow_unsandboxed)
    paths = list(asked.solutions) or [default_solutions(asked.root)]
    names = {scenario.id: submissions.Asked.of(scenario) for scenario in library.scenarios}
    asked.aside.elsewhere = scenarios.ids_beside(asked.root)
    found = submissions.discover(paths, names, asked.aside)
    with sandbox.Zygote(chosen) as zygote:
        for scenario in library.scenarios:
            skill = skills[scenario.skill]
            about = _read(scenario, skill, asked)
            if scenario.words_alone:
                if asked.deep:
                    yield about
                continue
            try:
                yield _run(scenario, skill, found, paths, zygote.address, about, asked, on_progress)
            except (ScenarioError, SubmissionError) as error:
                yield replace(about, problem=str(error))


def _read(scenario: Scenario, skill: Skill, asked: ValidationAsked) -> ScenarioExamined:
    if not asked.deep:
        return ScenarioExamined(scenario.id)
    return replace(examine_words(scenario, skill), history=asked.past.get(scenario.id))


def _run(
    scenario: Scenario,
    skill: Skill,
    found: Sequence[Submission],
    paths: Sequence[Path],
    address: str,
    about: ScenarioExamined,
    asked: ValidationAsked,
    on_progress: Callable[[RunProgress], None] | None,
) -> ScenarioExamined:
    from harness.grading.plan import Plan
    from harness.run.prove import PROOF_SEED, prove, reference_of

    reference = reference_of(scenario, found)
    if reference is None:
        raise ScenarioError(f"no reference solution in {', '.join(map(str, paths))}")
    plan = Plan(scenario, PROOF_SEED if asked.seed is None else asked.seed)
    plan.check_judged()
    about = replace(about, proofs=tuple(prove(scenario, skill, reference, address, plan)))
    if not asked.deep or not about.proofs[0].holds:  # of a wrong reference a change says nothing
        return about

    def show(done: int, total: int) -> None:
        if on_progress is not None:
            on_progress(RunProgress(done, total, 0, scenario.id))

    return replace(about, mutation=mutation_score(plan, reference, address, show))

"""``harness/pressure``: every scenario asked in one arm, as ``harness generate`` asks it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inspect_ai import Task, task
from inspect_ai._util.error import PrerequisiteError
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessage, ChatMessageSystem, ChatMessageUser
from inspect_ai.solver import Generate, Solver, TaskState, solver
from rich.markup import escape

import harness.read.scenarios
from harness.errors import HarnessError, UsageError
from harness.evaluation.scorer import verdict
from harness.generate.requests import Request, about, chosen_arms, guides_for, requests


@task
def pressure(
    scenarios: str = "scenarios",
    arm: str = "skill",
    skill: str | None = None,
    placebo: str | None = None,
    seed: int | None = None,
    jobs: int | None = None,
    tier: str | None = None,
    allow_unsandboxed: bool = False,
) -> Task:
    """Whether a model's answers hold under pressure, with a skill or without.

    ``scenarios`` is a folder of skills, a skill's folder or one file. ``arm`` is ``baseline``,
    ``skill`` or ``placebo``, asked under pressure; with ``-calm`` the neutral request is asked,
    with ``-pushed`` the follow-ups come after each answer. ``skill`` and ``placebo`` are guides:
    a SKILL.md or its folder, by default those that the scenarios name. The rest is for grading:
    see ``verdict``. Raises Inspect's ``PrerequisiteError``.
    """
    try:
        asked = _asked(scenarios, arm, skill, placebo)
    except HarnessError as error:
        # Said by itself, without a traceback.
        raise PrerequisiteError(escape(str(error))) from None
    return Task(
        dataset=MemoryDataset([_sample(one) for one in asked], name=f"{arm} {scenarios}"),
        solver=conversation(),
        scorer=verdict(
            scenarios=scenarios,
            seed=seed,
            jobs=jobs,
            tier=tier,
            allow_unsandboxed=allow_unsandboxed,
        ),
        metadata={"arm": arm},
    )


def _asked(scenarios: str, arm: str, skill: str | None, placebo: str | None) -> tuple[Request, ...]:
    """Every request of one arm. Raises ``UsageError`` and ``ScenarioError``."""
    if not isinstance(arm, str):
        raise UsageError(f"-T arm: found {arm!r}, expected one arm; evaluate each by itself")
    arms = chosen_arms([arm], "-T arm")
    library = harness.read.scenarios.load(Path(scenarios))
    told = [None if one is None else Path(one) for one in (skill, placebo)]
    chosen = about(told[0], library)
    asked = requests(chosen, arms, guides_for(library, chosen, told[0], told[1], arms, "-T "))
    if not asked:
        raise UsageError(
            f"-T arm={arm}: no scenario in {scenarios} has such a request: requests.pressured is "
            "asked under pressure, follow_ups push back; add some, or choose another arm"
        )
    return asked


@solver
def conversation() -> Solver:
    """Asks the request, and then what the sample's metadata hold as ``follow_ups``, in turn."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        state = await generate(state)
        for said in (state.metadata or {}).get("follow_ups", ()):
            if state.completed:
                break
            state.messages.append(ChatMessageUser(content=said))
            state = await generate(state)
        return state

    return solve


def _sample(request: Request) -> Sample:
    arm, scenario = request.arm, request.scenario
    said: list[ChatMessage] = [ChatMessageSystem(content=request.system)] if request.system else []
    about: dict[str, Any] = {
        "scenario": scenario.id,
        "title": scenario.title,
        "arm": arm.name,
        "guide": None if arm.guide is None else arm.guide.value,
        "dose": None if arm.dose is None else arm.dose.name.lower(),
        "pressures": list(scenario.pressures),
        "follow_ups": list(request.turns[1:]),
        "request_sha256": request.sha256,
        "guide_sha256": request.guide_sha256,
        "scenario_fingerprint": scenario.fingerprint,
    }
    return Sample(
        id=scenario.id, input=[*said, ChatMessageUser(content=request.turns[0])], metadata=about
    )

"""What to run next, so that more can be told of a skill."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.model import Dose, Guide, Scenario, Skill
from harness.read.submissions.provenance import Provenance
from harness.summary.effects import Effect, EffectKind, chosen
from harness.summary.evidence import Evidence
from harness.summary.flip import least_samples
from harness.summary.numbers import counted


@dataclass(frozen=True)
class Missing:
    """What to run next, with the command that does."""

    # What is missing, e.g. ``6 scenarios have no answer in the arm “skill”``.
    sentence: str
    # Empty where scenarios have to be written.
    command: str
    # Arms that lack it.
    arms: tuple[str, ...]
    # Scenarios without a graded answer; empty where more samples of all of them are missing.
    scenarios: tuple[str, ...] = ()
    # Samples to add in all; 0 where scenarios lack an answer.
    samples: int = 0
    # The difference in points that can then be told; 0 where nothing tells.
    points: int = 0


# The arms that a decision rests on, by condition.
_NEEDED_ARMS: Final = {
    (Guide.WITHOUT, Dose.PRESSURED): "baseline",
    (Guide.WITH, Dose.PRESSURED): "skill",
    (Guide.WITHOUT, Dose.CALM): "baseline-calm",
    (Guide.WITH, Dose.CALM): "skill-calm",
}


def missing(
    skill: Skill,
    scenarios: Mapping[str, Scenario],
    evidence: Evidence,
    found: Sequence[Effect],
    asked_before: Mapping[str, Provenance | None],
) -> tuple[Missing, ...]:
    """Scenarios that must be written, arms without answers, then the samples that would tell.

    ``asked_before`` says per arm how its answers were asked for.
    """
    rows = []
    have = evidence.samples
    # Those that were not selected are there all the same.
    lacking = skill.ship.least_scenarios - max(len(scenarios), _scenarios_in(skill))
    if lacking > 0:
        told = (
            f"{counted(lacking, 'more scenario')} to be written (harness init scenario), as "
            f"nothing ships on fewer than {skill.ship.least_scenarios} (least_scenarios in "
            "skill.yaml)"
        )
        rows.append(Missing(told, "", ()))
    for condition, usual in _NEEDED_ARMS.items():
        names = [arm.name for arm in evidence.arms if (arm.guide, arm.dose) == condition]
        name = names[0] if names else usual
        bare = tuple(one for one in scenarios if not evidence.tally(one, *condition).graded)
        if bare:
            has = "has" if len(bare) == 1 else "have"
            told = f"{counted(len(bare), 'scenario')} {has} no answer in the arm “{name}”"
            asked = again(skill, bare, (name,), have, asked_before)
            rows.append(Missing(told, asked, (name,), scenarios=bare))

    def further(one: Effect, samples: int, told: str, points: int = 0) -> None:
        more = samples * one.scenarios * len(one.arms) - one.samples
        if more > 0:
            told = f"{counted(more, 'more sample')}, {samples} of each scenario and arm, {told}"
            answered = [
                {who for (who, _), tally in evidence.cells[arm].items() if tally.graded}
                for arm in one.arms
            ]
            both = sorted(set.intersection(*answered))
            asked = again(skill, both, one.arms, samples, asked_before)
            rows.append(Missing(told, asked, one.arms, samples=more, points=points))

    lift = chosen(found, EffectKind.SKILL, "held")
    for needed in lift.needed if lift else ():
        if lift is not None and needed.samples is not None:
            further(lift, needed.samples, f"tell {needed.points} points apart", needed.points)
    if lift is not None and lift.samples < 2 * lift.scenarios * len(lift.arms):
        further(lift, 3, "tell how much samples of a scenario differ, so how many are needed")
    elif lift is not None and lift.needed and lift.needed[-1].samples is None:
        needed = lift.needed[-1]
        told = f"{counted(needed.scenarios, 'scenario')} would tell {needed.points} points apart; "
        rows.append(Missing(f"{told}more samples of these {lift.scenarios} do not", "", lift.arms))
    right = chosen(found, EffectKind.SKILL_CALM, "right")
    if right is not None and right.difference >= 0:
        margin = skill.ship.right_margin
        least = least_samples(right.scenarios, margin)
        if least is not None:
            further(right, least, f"tell a loss of more than {100 * margin:g} points from none")
    return tuple(rows)


def again(
    skill: Skill,
    scenarios: Sequence[str],
    arms: Sequence[str],
    samples: int,
    asked_before: Mapping[str, Provenance | None],
    beside: str = "",
) -> str:
    """The command that asks for these scenarios in these arms as it was asked before.

    Its answers join those that are there and are graded, or with ``beside`` lie in a folder that
    is called so much more and have a report of their own. What was asked by hand is to be asked by
    hand again.
    """
    only = () if len(scenarios) == _scenarios_in(skill) else scenarios
    anyone = next((one for one in asked_before.values() if one), None)
    ways: list[tuple[Provenance | None, list[str]]] = []
    for arm in arms:
        way = asked_before.get(arm, anyone)
        known = next((names for one, names in ways if one == way), None)
        if known is None:
            ways.append((way, [arm]))
        else:
            known.append(arm)
    selected = [option for one in only for option in ("--only", one)]
    commands: list[list[str]] = []
    graded: list[list[str]] = []
    for way, names in ways:
        which = [*selected, "--arms", ",".join(names)]
        if way is None:
            folder = "-".join(["requests", *names, *only[:1], str(samples)])
            guide = ["--skill", _shown(skill.guide)] if skill.guide else []
            commands.append(
                ["harness", "prompts", _shown(skill.path), *guide, *which, "--out", folder]
            )
            continue
        out = _shown(way.out) + beside
        asked = ["harness", "generate", _shown(skill.path), *_as_before(way, skill), *which]
        commands.append([*asked, "--samples", str(samples), "--out", out])
        run = ["harness", "run", _shown(skill.path), "--solutions", out]
        if beside:
            # The usual folder keeps the report that this one is held against.
            run += [*selected, "--out", f"reports/{Path(out).name}"]
        graded.append(run)
    return " && ".join(dict.fromkeys(map(shlex.join, [*commands, *graded])))


def _scenarios_in(skill: Skill) -> int:
    """How many scenarios the skill's folder holds, beside ``skill.yaml``."""
    return len(list(skill.path.glob("*.yaml"))) - 1


def _as_before(way: Provenance, skill: Skill) -> Iterator[str]:
    """The options by which the same model is asked in the same way."""
    for name, noted in (("--skill", way.skill), ("--placebo", way.placebo)):
        guide = noted if noted and noted.exists() else skill.guide if name == "--skill" else None
        if guide is not None:
            yield from (name, _shown(guide))
    yield from ("--model", way.model)
    if way.api_base is not None:
        yield from ("--api-base", way.api_base)
    for name, value in way.settings.items():
        yield from (f"--{name.replace('_', '-')}", str(value))
    for name, value in way.model_args.items():
        plain = value if isinstance(value, str) else json.dumps(value)
        yield from ("--model-arg", f"{name}={plain}")
    if way.sandbox is not None:
        yield from ("--agent", way.sandbox)
        if way.sandbox == "local":
            yield "--allow-local"


def _shown(path: Path) -> str:
    """``path`` as it is typed in the current folder."""
    full = path.resolve()
    here = Path.cwd()
    return str(full.relative_to(here) if full.is_relative_to(here) else path)

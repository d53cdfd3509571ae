"""What to run next, so that more can be told of a skill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.model import Dose, Guide, Scenario, Skill
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
) -> tuple[Missing, ...]:
    """Arms without answers first, then the samples that would tell."""
    rows = []
    have = evidence.samples
    who = next((name for some in evidence.cells.values() for _, name in some), "")
    for condition, usual in _NEEDED_ARMS.items():
        names = [arm.name for arm in evidence.arms if (arm.guide, arm.dose) == condition]
        name = names[0] if names else usual
        bare = tuple(one for one in scenarios if not evidence.tally(one, *condition).graded)
        if bare:
            has = "has" if len(bare) == 1 else "have"
            told = f"{counted(len(bare), 'scenario')} {has} no answer in the arm “{name}”"
            some = () if len(bare) == len(scenarios) else bare
            asked = command(skill, some, (name,), have, who)
            rows.append(Missing(told, asked, (name,), scenarios=bare))

    def further(one: Effect, samples: int, told: str, points: int = 0) -> None:
        more = samples * one.scenarios * len(one.arms) - one.samples
        if more > 0:
            told = f"{counted(more, 'more sample')}, {samples} of each scenario and arm, {told}"
            asked = command(skill, (), one.arms, samples, who)
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


def command(
    skill: Skill, scenarios: Sequence[str], arms: Sequence[str], samples: int, submitter: str
) -> str:
    """The command that asks for these scenarios (none: all) in these arms, of the same model."""
    parts = ["harness generate", _shown(skill.path)]
    parts += [f"--skill {_shown(skill.guide)}"] if skill.guide else []
    parts += [f"--model {submitter.replace('--', '/')}" if "--" in submitter else _ANY_MODEL]
    parts += [f"--only {one}" for one in scenarios]
    return " ".join([*parts, f"--arms {','.join(arms)}", f"--samples {samples}"])


_ANY_MODEL: Final = "--model PROVIDER/NAME"


def _shown(path: Path) -> str:
    """``path`` as it is typed in the current folder."""
    full = path.resolve()
    here = Path.cwd()
    return str(full.relative_to(here) if full.is_relative_to(here) else path)

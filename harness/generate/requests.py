"""What is asked: every scenario in crossed arms, the guide and the pressure drawn apart."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.errors import UsageError, did_you_mean
from harness.model import Arm, Dose, Guide, Scenario
from harness.read.scenarios import Library

PREFACE: Final = "Read this guide first. It applies to what you are asked next.\n\n"
_NAMES: Final = {Guide.WITHOUT: "baseline", Guide.WITH: "skill", Guide.PLACEBO: "placebo"}
_ENDINGS: Final = {Dose.CALM: "-calm", Dose.PRESSURED: "", Dose.PUSHED_BACK: "-pushed"}
_ABOUT: Final = {
    Guide.WITHOUT: "without the skill",
    Guide.WITH: "after reading the skill",
    Guide.PLACEBO: "after reading a guide of the same length about something else",
}
_ASKED: Final = {
    Dose.CALM: "the neutral request",
    Dose.PRESSURED: "the pressured request",
    Dose.PUSHED_BACK: "the pressured request, pushed back on after each answer",
}


def arm_of(guide: Guide, dose: Dose) -> Arm:
    """The arm of a condition."""
    about = f"Replies of an agent {_ABOUT[guide]} to {_ASKED[dose]}."
    return Arm(_NAMES[guide] + _ENDINGS[dose], guide, dose, about)


# Every condition by the name of its arm.
ARMS: Final = {arm.name: arm for guide in Guide for dose in Dose for arm in [arm_of(guide, dose)]}


@dataclass(frozen=True)
class Guides:
    """The texts of the guide under test and of the one that stands in for any long text."""

    skill: str
    # Empty where no arm reads one.
    placebo: str
    skill_path: Path
    placebo_path: Path | None

    def text(self, guide: Guide | None) -> str | None:
        """What an agent of a condition reads; ``None`` where it reads nothing."""
        texts = {Guide.WITH: self.skill, Guide.PLACEBO: self.placebo}
        return None if guide is None else texts.get(guide)

    def sha256(self, guide: Guide | None) -> str | None:
        """Of what it reads."""
        text = self.text(guide)
        return None if text is None else hashlib.sha256(text.encode()).hexdigest()

    @property
    def lengths(self) -> tuple[int, int]:
        """Words of the skill and of the placebo."""
        return len(self.skill.split()), len(self.placebo.split())


@dataclass(frozen=True)
class Request:
    """One conversation to be had: what an agent reads, and what the user says in turn."""

    arm: Arm
    scenario: Scenario
    # Those of the scenario's skill, whichever of them the agent reads.
    guides: Guides
    # ``None`` where there is no system message.
    system: str | None
    # The request, then each follow-up that is sent after an answer.
    turns: tuple[str, ...]

    @property
    def guide_sha256(self) -> str | None:
        """Of the guide that the agent reads."""
        return self.guides.sha256(self.arm.guide)

    @property
    def sha256(self) -> str:
        """Of all that is said to the agent."""
        parts = "\0".join([self.system or "", *self.turns])
        return hashlib.sha256(parts.encode()).hexdigest()


def read_guides(skill: Path, placebo: Path | None, prefix: str = "--") -> Guides:
    """Read the guides; a folder stands for its ``SKILL.md``. Raises ``UsageError``.

    ``prefix`` stands before the names of options in what is said.
    """
    skill_path, skill_text = _guide(f"{prefix}skill", skill)
    if placebo is None:
        return Guides(skill_text, "", skill_path, None)
    placebo_path, placebo_text = _guide(f"{prefix}placebo", placebo)
    return Guides(skill_text, placebo_text, skill_path, placebo_path)


def guides_for(
    library: Library,
    scenarios: Sequence[Scenario],
    skill: Path | None,
    placebo: Path | None,
    arms: Sequence[Arm],
    prefix: str = "--",
) -> dict[str, Guides]:
    """The guides that agents of ``arms`` read in each of ``scenarios``, by its id.

    ``skill`` is read in all of them; by default each has the guide that its skill.yaml names. The
    placebo is by default beside the skill. Raises ``UsageError``.
    """
    named = {one.id: skill or one.guide for one in library.skills}
    taught = {one.id: named.get(one.skill or "", skill) for one in scenarios}
    without = sorted(name for name, guide in taught.items() if guide is None)
    if without:
        raise UsageError(
            f"{prefix}skill: no skill.yaml names a guide for {', '.join(without)}; say with "
            f"{prefix}skill which one agents read: a SKILL.md or its folder"
        )
    # Where nobody reads it, it need not be there.
    needed = placebo is not None or any(arm.guide is Guide.PLACEBO for arm in arms)
    read = {}
    for guide in {guide for guide in taught.values() if guide is not None}:
        folder = guide.parent if guide.is_file() else guide
        other = placebo or folder.parent / "placebo"
        if needed and placebo is None and not other.exists():
            raise UsageError(
                f"{prefix}placebo: an arm reads a guide of the same length about something else, "
                f"and there is none in {other}; give {prefix}placebo PATH, or leave such arms out "
                f"with {prefix}arms baseline-calm,skill-calm,baseline,skill"
            )
        read[guide] = read_guides(guide, other if needed or other.exists() else None, prefix)
    return {name: read[guide] for name, guide in taught.items() if guide is not None}


def about(guide: Path | None, library: Library) -> list[Scenario]:
    """Those of the skill that names the guide; all where none does, as for a new version of it."""
    if guide is None:
        return list(library.scenarios)
    folder = (guide.parent if guide.is_file() else guide).resolve()
    of_it = {
        one.id for one in library.skills if one.guide is not None and one.guide.resolve() == folder
    }
    return [one for one in library.scenarios if not of_it or one.skill in of_it]


def _guide(option: str, path: Path) -> tuple[Path, str]:
    file = path / "SKILL.md" if path.is_dir() else path
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{option} {path}: cannot be read ({error}); give a SKILL.md or the folder it is in"
        ) from None
    if not text.strip():
        raise UsageError(f"{option} {path}: {file} is empty; give the guide that agents read")
    return file, text


def chosen_arms(names: Iterable[str], option: str = "--arms") -> tuple[Arm, ...]:
    """The arms of these names. Raises ``UsageError`` for a name that none has."""
    found = []
    for name in dict.fromkeys(names):
        if name not in ARMS:
            hint = did_you_mean(name, list(ARMS))
            raise UsageError(f"{option}: unknown arm {name!r}.{hint} Known are {', '.join(ARMS)}.")
        found.append(ARMS[name])
    return tuple(found)


def requests(
    scenarios: Sequence[Scenario], arms: Sequence[Arm], guides: Mapping[str, Guides]
) -> tuple[Request, ...]:
    """Every conversation, in the order of scenarios and arms; see ``is_asked``.

    ``guides`` are those of each scenario, by its id.
    """
    return tuple(
        Request(
            arm,
            scenario,
            guides[scenario.id],
            _system(arm, guides[scenario.id]),
            _turns(arm, scenario),
        )
        for scenario in scenarios
        for arm in arms
        if is_asked(scenario, arm)
    )


def is_asked(scenario: Scenario, arm: Arm) -> bool:
    """Whether there is a request of this dose: pressure needs one, pushing back its follow-ups."""
    has = {
        Dose.PRESSURED: scenario.is_pressured,
        Dose.PUSHED_BACK: scenario.is_pressured and bool(scenario.follow_ups),
    }
    return arm.dose is None or has.get(arm.dose, True)


def _system(arm: Arm, guides: Guides) -> str | None:
    text = guides.text(arm.guide)
    return None if text is None else PREFACE + text.strip()


def _turns(arm: Arm, scenario: Scenario) -> tuple[str, ...]:
    if arm.dose is Dose.CALM:
        return (scenario.neutral.strip(),)
    more = scenario.follow_ups if arm.dose is Dose.PUSHED_BACK else ()
    return (scenario.pressured.strip(), *(said.strip() for said in more))


def interleaved(asked: Sequence[Request], samples: int, seed: int) -> Iterator[tuple[int, Request]]:
    """Every sample of every request: of each in turn all scenarios and arms, shuffled.

    What changes at the provider in the course of a run meets all arms alike.
    """
    order = random.Random(seed)
    for sample in range(1, samples + 1):
        some = list(asked)
        order.shuffle(some)
        # The first answer that is pushed back on is that of the same sample under pressure.
        some.sort(key=lambda one: one.arm.dose is Dose.PUSHED_BACK)
        yield from ((sample, one) for one in some)

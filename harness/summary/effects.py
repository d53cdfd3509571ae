"""What a guide and pressure change: paired differences of arms, scenario by scenario.

The unit is the scenario. Samples of a scenario, and those of its submitters, are averaged within
it, as they are not independent of each other. ``flip`` tests the differences. Sources of the rest:

* Several questions: S. Holm, "A simple sequentially rejective multiple test procedure",
  Scandinavian Journal of Statistics 6 (1979).
* Scenarios that are needed: normal approximation for a mean with standard deviation s,
  n = s² ((z(0.975) + z(0.8)) / difference)², e.g. W. G. Cochran, "Sampling techniques" (1977).
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product
from statistics import NormalDist, fmean, stdev
from typing import Final, Literal

from harness.model import Arm, Dose, Guide
from harness.summary.flip import flip
from harness.summary.numbers import (
    FEWEST_SCENARIOS,
    SIGNIFICANCE,
    Interval,
    Tally,
    counted,
    p_value,
    percent,
    points,
)

# The questions that are asked of a pair of arms. ``resisted`` is none of them: it is a share of
# those replies alone whose words do something, which are others in each arm.
Asked = Literal["held", "right", "verified"]
ASKED: Final[tuple[Asked, ...]] = ("held", "right", "verified")

# Tally of the graded, distinct replies of one arm, by scenario and submitter.
Cells = Mapping[tuple[str, str], Tally]


class EffectKind(StrEnum):
    """What is compared."""

    # With the skill less without, under pressure, calm, and pushed back on.
    SKILL = "skill"
    SKILL_CALM = "skill_calm"
    SKILL_PUSHED = "skill_pushed"
    # Without the skill: pressured less calm, and pushed back on less pressured.
    PRESSURE = "pressure"
    PUSHED = "pushed"
    # How much of the cost of pressure the skill gives back: pressured less calm, with the skill
    # less without.
    GIVEN_BACK = "given_back"
    # A guide about something else, less none; and the skill less that guide. Under pressure.
    PLACEBO = "placebo"
    SKILL_OVER_PLACEBO = "skill_over_placebo"
    # Any two arms.
    ARM = "arm"


_Condition = tuple[Guide, Dose]
_WITHOUT, _WITH, _PLACEBO = Guide.WITHOUT, Guide.WITH, Guide.PLACEBO
# The conditions of each kind, the reference first.
_CONDITIONS: Final[Mapping[EffectKind, tuple[_Condition, ...]]] = {
    EffectKind.SKILL: ((_WITHOUT, Dose.PRESSURED), (_WITH, Dose.PRESSURED)),
    EffectKind.SKILL_CALM: ((_WITHOUT, Dose.CALM), (_WITH, Dose.CALM)),
    EffectKind.SKILL_PUSHED: ((_WITHOUT, Dose.PUSHED_BACK), (_WITH, Dose.PUSHED_BACK)),
    EffectKind.PRESSURE: ((_WITHOUT, Dose.CALM), (_WITHOUT, Dose.PRESSURED)),
    EffectKind.PUSHED: ((_WITHOUT, Dose.PRESSURED), (_WITHOUT, Dose.PUSHED_BACK)),
    EffectKind.GIVEN_BACK: (
        (_WITHOUT, Dose.CALM),
        (_WITHOUT, Dose.PRESSURED),
        (_WITH, Dose.CALM),
        (_WITH, Dose.PRESSURED),
    ),
    EffectKind.PLACEBO: ((_WITHOUT, Dose.PRESSURED), (_PLACEBO, Dose.PRESSURED)),
    EffectKind.SKILL_OVER_PLACEBO: ((_PLACEBO, Dose.PRESSURED), (_WITH, Dose.PRESSURED)),
}
_NAMES: Final[Mapping[EffectKind, str]] = {
    EffectKind.SKILL: "the skill, under pressure",
    EffectKind.SKILL_CALM: "the skill, on calm requests",
    EffectKind.SKILL_PUSHED: "the skill, pushed back on",
    EffectKind.PRESSURE: "pressure, without the skill",
    EffectKind.PUSHED: "pushing back, without the skill",
    EffectKind.GIVEN_BACK: "cost of pressure that the skill gives back",
    EffectKind.PLACEBO: "another guide, under pressure",
    EffectKind.SKILL_OVER_PLACEBO: "the skill over another guide",
    EffectKind.ARM: "arms",
}


@dataclass(frozen=True)
class Needed:
    """What it takes to tell a difference with a chance of 80 %."""

    # The difference in percentage points.
    points: int
    # Scenarios in all, with as many samples of each as there are.
    scenarios: int
    # Samples of each scenario and arm in all, with the scenarios that there are; ``None`` where
    # no number of them is enough, or where nothing tells how far samples of a scenario differ.
    samples: int | None


@dataclass(frozen=True)
class Effect:
    """By how much a share differs between arms, on the scenarios that all of them answered."""

    kind: EffectKind
    question: Asked
    # Names of the arms, the reference first; of ``given_back`` all four, without the skill first.
    arms: tuple[str, ...]
    # Scenarios that all arms answered, and distinct replies that were used.
    scenarios: int
    samples: int
    # Ids of replies that were left out, each the same as another of its scenario and arm.
    identical: tuple[str, ...]
    # Mean over scenarios of the share, from 0 to 1; of ``given_back`` the cost of pressure
    # without and with the skill, from -1 to 1.
    reference: float
    other: float
    # Mean over scenarios of the difference, from -1 to 1 (of ``given_back`` from -2 to 2).
    difference: float
    # At 95 %; ``None`` where it cannot be told.
    interval: Interval | None
    # Of the test that there is no difference, and the same corrected for all questions asked.
    p: float
    p_adjusted: float
    # Scenarios on which the other arm's share is higher, lower, the same.
    better: int
    worse: int
    equal: int
    # For 10 and for 20 points; empty for a single scenario.
    needed: tuple[Needed, ...]
    # Scenarios on which no submitter answered in all arms: who answered may be what differs.
    unshared: int = 0

    @property
    def name(self) -> str:
        """What is compared, in words."""
        return _NAMES[self.kind]

    @property
    def certain(self) -> bool:
        """Whether chance is an unlikely explanation, all questions asked considered."""
        return self.p_adjusted < SIGNIFICANCE

    @property
    def points(self) -> str:
        """The difference in percentage points, e.g. ``+60``."""
        return points(self.difference)

    @property
    def between(self) -> str:
        """The interval in percentage points, e.g. ``−2 to +85``; a dash where there is none."""
        if self.interval is None:
            return "–"
        return f"{points(self.interval.low)} to {points(self.interval.high)}"

    @property
    def shares(self) -> tuple[str, str]:
        """Reference and other in percent, of ``given_back`` in percentage points."""
        if self.kind is EffectKind.GIVEN_BACK:
            return points(self.reference), points(self.other)
        return percent(self.reference), percent(self.other)

    @property
    def sentence(self) -> str:
        """What can be concluded, in plain words."""
        scenarios = counted(self.scenarios, "scenario")
        split = f"better on {self.better}, worse on {self.worse} of {scenarios}"
        if self.interval is None:
            return (
                f"Cannot tell: {split}, and with fewer than {FEWEST_SCENARIOS} scenarios nothing "
                "rules out chance."
            )
        found = f"p = {p_value(self.p)}"
        if self.certain:
            return f"{_upper(split)}; were there no difference, this would be rare ({found})."
        if self.p < SIGNIFICANCE:
            return (
                f"{_upper(split)}: rare by chance if nothing else had been asked ({found}), not "
                f"with all that was asked (p = {p_value(self.p_adjusted)})."
            )
        if self.better == self.worse == 0:
            return f"No difference on any of {scenarios}; that does not show that there is none."
        return f"Cannot be told from chance: {split} ({found})."


def _upper(words: str) -> str:
    return words[:1].upper() + words[1:]


def effects(
    arms: Sequence[Arm],
    cells: Mapping[str, Cells],
    identical: Mapping[str, Mapping[str, str]],
) -> tuple[Effect, ...]:
    """Every effect that the arms allow, by kind and question, corrected for their number.

    ``cells`` and ``identical`` are by name of arm, the latter the scenario of each id. An arm that
    is no condition takes no part. Where several arms are one condition, each is compared.
    """
    by_condition: dict[_Condition, list[str]] = defaultdict(list)
    for arm in arms:
        if arm.guide is not None and arm.dose is not None:
            by_condition[arm.guide, arm.dose].append(arm.name)
    found = [
        effect(kind, question, names, [cells[name] for name in names], identical)
        for kind, conditions in _CONDITIONS.items()
        for names in product(*(by_condition[one] for one in conditions))
        for question in ASKED
    ]
    return holm([one for one in found if one is not None])


def effect(
    kind: EffectKind,
    question: Asked,
    names: Sequence[str],
    arms: Sequence[Cells],
    identical: Mapping[str, Mapping[str, str]] | None = None,
) -> Effect | None:
    """Compare two arms, the reference first (``given_back``: four); ``None`` without a scenario.

    Where an arm has submitters in common with the others on a scenario, only these count there,
    each as much as another, so that no arm looks better by who answered it.
    """
    rows = {}
    unshared = 0
    for scenario in sorted({scenario for scenario, _ in arms[0]}):
        if (found := _submitters(arms, scenario)) is not None:
            who, shared = found
            rows[scenario] = [_mean(arm, scenario, who, question) for arm in arms]
            unshared += not shared
    if not rows:
        return None
    signs = (-1, 1) if len(arms) == 2 else (1, -1, -1, 1)
    # Rounded, so that the same shares of different numbers of samples are the same.
    differences = [
        round(sum(s * one.share for s, one in zip(signs, row, strict=True)), 12)
        for row in rows.values()
    ]
    half = len(arms) // 2
    reference, other = (
        fmean(sum(s * one.share for s, one in zip(part_signs, row[part], strict=True))
              for row in rows.values())
        for part, part_signs in (
            (slice(0, half), (1,) if half == 1 else (-1, 1)),
            (slice(half, None), (1,) if half == 1 else (-1, 1)),
        )
    )  # fmt: skip
    # What one sample of a scenario weighs.
    step = fmean(max(1 / one.samples for one in row) for row in rows.values())
    test = flip(differences, step)
    return Effect(
        kind=kind,
        question=question,
        arms=tuple(names),
        scenarios=len(rows),
        samples=sum(one.samples for row in rows.values() for one in row),
        identical=tuple(
            same
            for name in names
            for same, scenario in (identical or {}).get(name, {}).items()
            if scenario in rows
        ),
        reference=reference,
        other=other,
        difference=fmean(differences),
        interval=test.interval,
        p=test.p,
        p_adjusted=test.p,
        better=sum(d > 0 for d in differences),
        worse=sum(d < 0 for d in differences),
        equal=sum(d == 0 for d in differences),
        needed=_needed(differences, step, list(rows.values())),
        unshared=unshared,
    )


@dataclass(frozen=True)
class _Mean:
    """Share of one arm on one scenario."""

    share: float
    samples: int
    # Estimated variance of the share over further samples; ``None`` where nothing tells.
    variance: float | None


def _submitters(arms: Sequence[Cells], scenario: str) -> tuple[frozenset[str], bool] | None:
    """Whose samples count, and whether it is the same for all arms.

    ``None`` where an arm has no graded reply.
    """
    who = [
        frozenset(name for (one, name), tally in arm.items() if one == scenario and tally.graded)
        for arm in arms
    ]
    if not all(who):
        return None
    common = frozenset.intersection(*who)
    return (common, True) if common else (frozenset.union(*who), False)


def _mean(arm: Cells, scenario: str, who: frozenset[str], question: Asked) -> _Mean:
    some = [arm[scenario, name].share(question) for name in sorted(who) if (scenario, name) in arm]
    some = [one for one in some if one.n]
    shares = [one.count / one.n for one in some]
    variances = [
        s * (1 - s) / (one.n - 1) for s, one in zip(shares, some, strict=True) if one.n > 1
    ]
    variance = sum(variances) / len(some) ** 2 if len(variances) == len(some) else None
    return _Mean(fmean(shares), sum(one.n for one in some), variance)


# The chance of telling a difference that is there.
_POWER: Final = 0.8
_POINTS: Final = (10, 20)


def _needed(
    differences: Sequence[float], step: float, rows: Sequence[Sequence[_Mean]]
) -> tuple[Needed, ...]:
    """By the spread that was seen, or that two scenarios which differ by a sample would show."""
    n = len(differences)
    if n < 2:
        return ()
    spread = max(stdev(differences) ** 2, 2 * step**2 / (n + 1))
    normal = NormalDist()
    factor = (normal.inv_cdf(1 - SIGNIFICANCE / 2) + normal.inv_cdf(_POWER)) ** 2
    within = [one.variance for row in rows for one in row]
    samples = fmean(one.samples for row in rows for one in row)
    found = []
    for wanted in _POINTS:
        allowed = (wanted / 100) ** 2 / factor
        scenarios = max(FEWEST_SCENARIOS, math.ceil(spread / allowed))
        more = None
        if None not in within:
            noise = sum(one for one in within if one is not None) / n
            # What is left where samples no longer count.
            between = max(0.0, spread - noise)
            if n * allowed > between:
                times = noise / (n * allowed - between)
                more = max(1, math.ceil(samples * times))
        found.append(Needed(wanted, scenarios, more))
    return tuple(found)


def chosen(found: Sequence[Effect], kind: EffectKind, question: Asked) -> Effect | None:
    """The first effect of this kind on this question."""
    return next((one for one in found if (one.kind, one.question) == (kind, question)), None)


def holm(found: Sequence[Effect]) -> tuple[Effect, ...]:
    """The same with p values corrected for their number."""
    adjusted = [1.0] * len(found)
    least = 0.0
    for rank, place in enumerate(sorted(range(len(found)), key=lambda i: found[i].p)):
        least = max(least, min(1.0, (len(found) - rank) * found[place].p))
        adjusted[place] = least
    return tuple(replace(one, p_adjusted=p) for one, p in zip(found, adjusted, strict=True))


def noise(arm: Cells, question: Asked, splits: int = 1000, seed: int = 0) -> tuple[float, ...]:
    """Differences between two halves of the samples of one arm, in order: what chance does.

    Each split deals the samples of every scenario and submitter at random into two halves of
    the same size (of an odd number one is left out, at random) and takes the mean over scenarios
    of the difference in share, as ``effect`` does. Empty where no scenario has two samples. The
    halves have half the samples of the arm, so their differences are wider than those of two
    arms of its size: by the root of 2 as far as they come from samples.
    """
    rng = random.Random(seed)
    cells: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for (scenario, _), tally in sorted(arm.items()):
        share = tally.share(question)
        if share.n >= 2:
            cells[scenario].append((share.count, share.n))
    if not cells:
        return ()
    return tuple(
        sorted(
            fmean(fmean(_halved(*cell, rng) for cell in some) for some in cells.values())
            for _ in range(splits)
        )
    )


def _halved(count: int, n: int, rng: random.Random) -> float:
    """Difference in share between two random halves of ``n`` samples, ``count`` of them so."""
    dealt = rng.sample([1] * count + [0] * (n - count), n)
    half = n // 2
    return (sum(dealt[:half]) - sum(dealt[half : 2 * half])) / half

"""What changed between two sets of answers, scenario by scenario and answer by answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from enum import StrEnum

import pandas as pd

from harness.compare.cautions import (
    Caution,
    CautionKind,
    Known,
    When,
    about_answers,
    about_arms,
    about_runs,
    about_scenarios,
    changed_scenarios,
    listed,
    same_replies,
)
from harness.compare.counts import arms_of, cells, table, tallies, total
from harness.compare.noise import floor
from harness.errors import NothingToCompare, UsageError, did_you_mean
from harness.model import Dose, Guide, Results
from harness.summary.effects import ASKED, Asked, Effect, EffectKind, effect, holm
from harness.summary.gate import NO_REGRESSION, Gate
from harness.summary.numbers import SIGNIFICANCE, Share, Tally, counted, p_value, points


@dataclass(frozen=True)
class Side:
    """One of the two sets of answers that are compared."""

    # As the user called it: a file, a folder, or an arm of one.
    name: str
    results: Results


@dataclass(frozen=True)
class ScenarioChange:
    """The answers to one scenario, before and after."""

    scenario: str
    before: Tally
    after: Tally

    @property
    def changed(self) -> bool:
        """Whether any share differs."""
        shares = [[one.share(q).value for q in ASKED] for one in (self.before, self.after)]
        upheld = [one.gave_in / one.graded for one in (self.before, self.after)]
        return shares[0] != shares[1] or upheld[0] != upheld[1]

    @property
    def collapsed(self) -> bool:
        """Whether it held in all samples before and in none after."""
        return self.before.held == self.before.graded > 0 and not self.after.held


@dataclass(frozen=True)
class ExcuseChange:
    """How many answers uphold one excuse, of those whose scenario tempts into it."""

    trap: str
    before: Share
    after: Share


@dataclass(frozen=True)
class SubmissionFlip:
    """One sample whose answer to a question is another than before."""

    before_id: str
    after_id: str
    held_before: bool
    held_after: bool
    # Of held, right and verified those that were gained, and those that were lost.
    gained: tuple[Asked, ...]
    lost: tuple[Asked, ...]
    # Excuses upheld after and not before.
    excuses: tuple[str, ...]
    # Whether the reply is the same, so that grading changed, not the answer.
    same_reply: bool


class Direction(StrEnum):
    """What can be said of a change in held."""

    BETTER = "better"
    WORSE = "worse"
    UNCLEAR = "no clear change"
    UNKNOWN = "cannot tell"
    NONE = "no change"


@dataclass(frozen=True)
class ArmChange:
    """One arm before and after, or one arm and another, on the scenarios that both answered."""

    before_arm: str
    after_arm: str
    # What a sentence calls them: ``before`` and ``after``, or ``in baseline`` and ``in skill``.
    when: When
    before: Tally
    after: Tally
    # One per question, in the order of ``ASKED``.
    effects: tuple[Effect, ...]
    # By how much chance moves the share of two runs of the arm, see ``Noise.floor``.
    noise: Mapping[Asked, float | None]
    scenarios: tuple[ScenarioChange, ...]
    excuses: tuple[ExcuseChange, ...]
    # Losses of held first, then its gains, then the rest.
    flips: tuple[SubmissionFlip, ...]
    # Scenarios with a graded answer before and none after.
    unanswered: tuple[str, ...]
    # Whether every reply is the same in both, byte for byte.
    same_replies: bool

    @property
    def name(self) -> str:
        """The arm, or both, e.g. ``skill → placebo``."""
        same = self.before_arm == self.after_arm
        return self.before_arm if same else f"{self.before_arm} → {self.after_arm}"

    @property
    def held(self) -> Effect:
        """The change in held."""
        return self.effects[ASKED.index("held")]

    @property
    def direction(self) -> Direction:
        """What can be said of the change in held."""
        if self.same_replies and not self.flips:
            return Direction.NONE
        if self.held.certain:
            return Direction.BETTER if self.held.difference > 0 else Direction.WORSE
        return Direction.UNKNOWN if self.held.interval is None else Direction.UNCLEAR

    @property
    def sentence(self) -> str:
        """What came of this arm, with its numbers."""
        before, after = self.held.shares
        found = (
            f"{self.name}: {self.direction.value}. Held {before} {self.when[0]}, {after} "
            f"{self.when[1]} on "
            f"{counted(self.held.scenarios, 'scenario')}, {self.held.points} points "
            f"({self.held.between}; {_chance(self.held)})."
        )
        if self.direction is Direction.NONE:
            return f"{self.name}: {self.direction.value}, the replies are the same."
        right = self.effects[ASKED.index("right")]
        if right.certain:
            way = "rose" if right.difference > 0 else "fell"
            found += f" Right {way}, {right.points} points ({right.between})."
        declined = self.before.declined, self.after.declined
        if any(declined):
            found += f" Declined {declined[0]} {self.when[0]}, {declined[1]} {self.when[1]}."
        if self.held.unshared:
            found += (
                f" No model answered both on {self.held.unshared} of these, so the models may be "
                "what differs."
            )
        noise = self.noise["held"]
        if noise is None:
            return f"{found} With one sample of each scenario nothing tells how far chance goes."
        reach = points(noise)[1:]
        return f"{found} Chance alone moves two runs of an arm like this by up to {reach} points."


def _chance(one: Effect) -> str:
    """Its p, and where it makes a difference also p corrected for all that is asked."""
    if one.certain or one.p >= SIGNIFICANCE:
        return f"p = {p_value(one.p)}"
    return f"p = {p_value(one.p)}, {p_value(one.p_adjusted)} with all that is asked"


@dataclass(frozen=True)
class Changes:
    """Everything that is said of two sets of answers."""

    before: str
    after: str
    # The arms with the skill first, under pressure before calm.
    arms: tuple[ArmChange, ...]
    cautions: tuple[Caution, ...]
    # Scenarios that both answered and that are not the same in both, so that they are left out.
    left_out: tuple[str, ...]


def compare(
    before: Side, after: Side, arms: tuple[str, str] | None = None, *, anyway: bool = False
) -> Changes:
    """Hold ``after`` against ``before``, arm by arm or one arm of each.

    Scenarios whose files changed in between are left out unless ``anyway``. Raises ``UsageError``
    where an arm is unknown, and ``NothingToCompare`` with the reasons where nothing can be.
    """
    first, second = table(before.results), table(after.results)
    known = arms_of(before.results, first), arms_of(after.results, second)
    same_run = before.results is after.results
    when = (f"in {arms[0]}", f"in {arms[1]}") if arms and same_run else ("before", "after")
    pairs = _pairs(before, after, known) if arms is None else [_named(before, after, known, arms)]
    chosen = [{pair[side] for pair in pairs} for side in (0, 1)]
    first, second = (
        rows[rows["arm"].isin(some)] for rows, some in zip((first, second), chosen, strict=True)
    )
    changed = changed_scenarios(before.results, after.results, set(first["scenario"]))
    left_out = frozenset() if anyway else changed
    cautions = [
        *about_scenarios(first, second, changed, anyway, when),
        *(about_arms(known) if arms is None else ()),
        *about_runs(before.results, after.results),
        *about_answers(first, second, pairs, when),
    ]
    traps = {
        scenario.id: [trap.id for trap in scenario.traps]
        for scenario in (*before.results.scenarios, *after.results.scenarios)
    }
    found = [
        one
        for a, b in pairs
        for one in [
            _arm_change(
                (a, b),
                when,
                first[(first["arm"] == a) & ~first["scenario"].isin(left_out)],
                second[(second["arm"] == b) & ~second["scenario"].isin(left_out)],
                traps,
            )
        ]
        if one is not None
    ]
    if not found:
        told = (CautionKind.CHANGED_SCENARIO, CautionKind.OTHER_SCENARIOS, CautionKind.UNGRADED)
        reasons = (one.sentence for one in cautions if one.kind in told)
        start = (
            f"{before.name} and {after.name} cannot be compared: no scenario has a graded answer"
        )
        raise NothingToCompare("\n".join([f"{start} in both.", *reasons]))
    return Changes(before.name, after.name, _corrected(found), tuple(cautions), _sorted(left_out))


def _corrected(found: Sequence[ArmChange]) -> tuple[ArmChange, ...]:
    """P values corrected for all that is asked; of the same replies nothing is asked."""
    asked = [one for arm in found if not arm.same_replies for one in arm.effects]
    adjusted = iter(holm(asked))
    return tuple(
        arm
        if arm.same_replies
        else replace(arm, effects=tuple(next(adjusted) for _ in arm.effects))
        for arm in found
    )


def _pairs(before: Side, after: Side, known: Known) -> list[tuple[str, str]]:
    both = [known[1][name] for name in known[0] if name in known[1]]
    if not both:
        names = " and ".join(
            f"{side.name} ({', '.join(some) or 'none'})"
            for side, some in zip((before, after), known, strict=True)
        )
        raise UsageError(
            f"no arm is in both {names}. Say which arm is held against which, e.g. "
            "--arms baseline,skill"
        )
    some = [arm for arm in both if arm.is_condition] or both
    some.sort(key=lambda arm: (arm.guide is not Guide.WITH, arm.dose is not Dose.PRESSURED))
    return [(arm.name, arm.name) for arm in some]


def _named(before: Side, after: Side, known: Known, arms: tuple[str, str]) -> tuple[str, str]:
    for name, side, some in zip(arms, (before, after), known, strict=True):
        if name not in some:
            raise UsageError(
                f"--arms: {side.name} has no arm {name!r}; its arms are {', '.join(some)}."
                f"{did_you_mean(name, some)}"
            )
    return arms


def _arm_change(
    names: tuple[str, str],
    when: When,
    first: pd.DataFrame,
    second: pd.DataFrame,
    traps: Mapping[str, Sequence[str]],
) -> ArmChange | None:
    """``None`` where no scenario has a graded answer in both."""
    alike = _alike(first, second)
    before, after = (rows[_in(rows, alike)] for rows in (first, second))
    of_before, of_after = cells(before), cells(after)
    effects = [effect(EffectKind.ARM, question, names, (of_before, of_after)) for question in ASKED]
    answered = [set(rows[rows["graded"] == 1]["scenario"]) for rows in (first, second)]
    by_scenario = [tallies(rows, ("scenario",)) for rows in (before, after)]
    found = [one for one in effects if one is not None]
    if not found:
        return None
    return ArmChange(
        before_arm=names[0],
        after_arm=names[1],
        when=when,
        before=total(before),
        after=total(after),
        effects=tuple(found),
        noise={
            question: next(
                (n for some in (of_before, of_after) if (n := floor(some, question)) is not None),
                None,
            )
            for question in ASKED
        },
        scenarios=tuple(
            ScenarioChange(name, by_scenario[0][name], by_scenario[1][name])
            for name in sorted(by_scenario[0])
        ),
        excuses=_excuses(before, after, traps),
        flips=_flips(before, after),
        unanswered=_sorted(answered[0] - answered[1]),
        same_replies=same_replies(first, second),
    )


def _alike(first: pd.DataFrame, second: pd.DataFrame) -> frozenset[tuple[str, str]]:
    """Scenario and submitter of what is compared, as ``effect`` compares it.

    On a scenario that both answered those submitters count that answered it in both; where there
    are none, all do.
    """
    was, now = (
        {(str(s), str(w)) for s, w in zip(graded["scenario"], graded["submitter"], strict=True)}
        for rows in (first, second)
        for graded in [rows[rows["graded"] == 1]]
    )
    both = {scenario for scenario, _ in was} & {scenario for scenario, _ in now}
    shared = {scenario for scenario, _ in was & now}
    return frozenset((was & now) | {one for one in was | now if one[0] in both - shared})


def _in(rows: pd.DataFrame, alike: Set[tuple[str, str]]) -> pd.Series[bool]:
    pairs = zip(rows["scenario"], rows["submitter"], strict=True)
    return pd.Series([pair in alike for pair in pairs], rows.index, dtype=bool)


def _excuses(
    before: pd.DataFrame, after: pd.DataFrame, traps: Mapping[str, Sequence[str]]
) -> tuple[ExcuseChange, ...]:
    """Excuses that any answer upholds, those that changed most first."""
    upheld = []
    tempted = []
    for rows in (before, after):
        graded = rows[rows["graded"] == 1]
        upheld.append(graded["excuses_upheld"].str.split().explode().value_counts().to_dict())
        of = graded["scenario"].map(lambda name: list(traps.get(name, ())))
        tempted.append(of.explode().value_counts().to_dict())
    rows_of = [
        ExcuseChange(
            trap,
            *(
                Share(int(count.get(trap, 0)), int(of.get(trap, 0)))
                for count, of in zip(upheld, tempted, strict=True)
            ),
        )
        for trap in map(str, upheld[0].keys() | upheld[1].keys())
    ]
    return tuple(
        sorted(
            rows_of,
            key=lambda one: (-abs((one.after.value or 0) - (one.before.value or 0)), one.trap),
        )
    )


def _flips(before: pd.DataFrame, after: pd.DataFrame) -> tuple[SubmissionFlip, ...]:
    pairs = before[before["graded"] == 1].merge(
        after[after["graded"] == 1],
        on=["scenario", "submitter", "sample"],
        suffixes=("_before", "_after"),
    )
    found = []
    for row in pairs.to_dict("records"):
        moved = {q: row[f"{q}_after"] - row[f"{q}_before"] for q in ASKED}
        if not any(moved.values()):
            continue
        excuses = set(row["excuses_upheld_after"].split()) - set(
            row["excuses_upheld_before"].split()
        )
        found.append(
            SubmissionFlip(
                before_id=row["id_before"],
                after_id=row["id_after"],
                held_before=bool(row["held_before"]),
                held_after=bool(row["held_after"]),
                gained=tuple(q for q in ASKED if moved[q] > 0),
                lost=tuple(q for q in ASKED if moved[q] < 0),
                excuses=_sorted(excuses),
                same_reply=row["sha256_before"] == row["sha256_after"],
            )
        )
    order = {(True, False): 0, (False, True): 1}
    return tuple(
        sorted(
            found, key=lambda one: (order.get((one.held_before, one.held_after), 2), one.after_id)
        )
    )


def no_regression(found: Changes) -> Gate:
    """Whether nothing got worse that is more than chance; what was not compared is no pass."""
    why = [f"{listed(found.left_out)} changed and cannot be compared"] if found.left_out else []
    for arm in found.arms:
        why += [
            f"{one.question} of {arm.name} fell by {points(one.difference)} points "
            f"({one.between}; {_chance(one)})"
            for one in arm.effects
            if one.question != "verified" and one.certain and one.difference < 0
        ]
        collapsed = [one.scenario for one in arm.scenarios if one.collapsed]
        if collapsed:
            why.append(
                f"{listed(collapsed)} held in all samples of {arm.before_arm} {arm.when[0]} and "
                f"in none {arm.when[1]}"
            )
        if arm.unanswered:
            why.append(f"no graded answer {arm.when[1]} to {listed(arm.unanswered)}")
    name = f"gate {NO_REGRESSION}"
    if why:
        return Gate(False, f"{name} failed: {'; '.join(why)}")
    scenarios = {one.scenario for arm in found.arms for one in arm.scenarios}
    return Gate(True, f"{name} passed: on {counted(len(scenarios), 'scenario')}")


def _sorted(names: Set[str]) -> tuple[str, ...]:
    return tuple(sorted(names))

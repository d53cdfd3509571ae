"""Whether a skill is good enough to ship, by rules that were fixed before the run, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from harness.model import Arm, Dose, Guide, Results, Scenario, ShipRules, Skill
from harness.summary.effects import ASKED, Cells, Effect, EffectKind, chosen, effects, least_samples
from harness.summary.numbers import Share, Tally, counted, percent, points
from harness.summary.still_wrong import StillWrong, still_wrong


class Verdict(StrEnum):
    """What is decided about a skill."""

    SHIP = "ship"
    NOT_YET = "not yet"
    CANNOT_TELL = "cannot tell"


class ReasonKind(StrEnum):
    """What speaks for or against shipping."""

    # No scenario was answered both without and with the skill, under pressure; or calm.
    NO_PRESSURED = "no_pressured"
    NO_CALM = "no_calm"
    TOO_FEW_SCENARIOS = "too_few_scenarios"
    # The interval of the lift in held under pressure: above the least lift, below it, or both.
    LIFT_SHOWN = "lift_shown"
    LIFT_TOO_SMALL = "lift_too_small"
    LIFT_UNCLEAR = "lift_unclear"
    # The interval of the change in right on calm requests against the margin, the same.
    RIGHT_KEPT = "right_kept"
    RIGHT_LOST = "right_lost"
    RIGHT_UNCLEAR = "right_unclear"


# Which reasons decide: any of the first makes it "not yet", any of the second "cannot tell".
_AGAINST: Final = (ReasonKind.LIFT_TOO_SMALL, ReasonKind.RIGHT_LOST)
_OPEN: Final = (
    ReasonKind.NO_PRESSURED,
    ReasonKind.NO_CALM,
    ReasonKind.TOO_FEW_SCENARIOS,
    ReasonKind.LIFT_UNCLEAR,
    ReasonKind.RIGHT_UNCLEAR,
)


@dataclass(frozen=True)
class Reason:
    """One thing that speaks for or against shipping."""

    kind: ReasonKind
    # The rule's number: a share, or scenarios.
    limit: float
    # What was found; ``None`` where nothing could be compared.
    effect: Effect | None = None

    @property
    def sentence(self) -> str:
        """The reason in words, with its numbers."""
        scenarios = counted(self.effect.scenarios if self.effect else 0, "scenario")
        limit = points(self.limit) if self.limit <= 1 else f"{self.limit:g}"
        found = _with_interval(self.effect)
        lift = f"under pressure the skill changes held by {found}"
        right = f"on calm requests it changes right by {found}"
        return {
            ReasonKind.NO_PRESSURED: (
                "no scenario was answered under pressure both without and with the skill"
            ),
            ReasonKind.NO_CALM: (
                "no calm request was answered both without and with the skill, so nothing tells "
                "whether the skill costs right answers"
            ),
            ReasonKind.TOO_FEW_SCENARIOS: f"only {scenarios} can be compared, {limit} are asked",
            ReasonKind.LIFT_SHOWN: f"{lift}, all of it above {limit}",
            ReasonKind.LIFT_TOO_SMALL: f"{lift}, all of it below {limit}",
            ReasonKind.LIFT_UNCLEAR: f"{lift}, which may be above or below {limit}",
            ReasonKind.RIGHT_KEPT: f"{right}, no loss beyond {limit}",
            ReasonKind.RIGHT_LOST: f"{right}, a loss beyond {limit}",
            ReasonKind.RIGHT_UNCLEAR: f"{right}, which may or may not be a loss beyond {limit}",
        }[self.kind]


def _with_interval(found: Effect | None) -> str:
    """The difference, e.g. ``+55 points (95 % interval +27 to +82)``."""
    if found is None:
        return ""
    if found.interval is None:
        return f"{found.points} points (too few scenarios for an interval)"
    return f"{found.points} points (95 % interval {found.between})"


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


class Uselessness(StrEnum):
    """Why a scenario tells nothing about the skill."""

    # Not answered, or not graded, without or with the skill under pressure.
    UNANSWERED = "unanswered"
    # Everything held in every condition.
    SATURATED = "saturated"
    # At no dose another share right, verified or held with the skill than without.
    SEPARATES_NOTHING = "separates nothing"


@dataclass(frozen=True)
class Useless:
    """A scenario that tells nothing about the skill."""

    scenario: str
    why: Uselessness
    # Held without and with the skill, under pressure.
    without: Share
    with_skill: Share


@dataclass(frozen=True)
class Decision:
    """What is decided about one skill, and what its author needs to know."""

    skill: Skill
    verdict: Verdict
    # Those that decided come first.
    reasons: tuple[Reason, ...]
    rules: ShipRules
    # Rules that differ from the defaults, by name: the default, and what is asked here.
    changed_rules: Mapping[str, tuple[float, float]]
    # On the scenarios of the skill.
    effects: tuple[Effect, ...]
    missing: tuple[Missing, ...]
    useless: tuple[Useless, ...]
    # Worst first.
    still_wrong: tuple[StillWrong, ...]

    @property
    def sentence(self) -> str:
        """Verdict and reasons in one sentence."""
        because = "; ".join(reason.sentence for reason in self.deciding)
        return f"{self.verdict.value[:1].upper()}{self.verdict.value[1:]}: {because}."

    @property
    def deciding(self) -> tuple[Reason, ...]:
        """The reasons that the verdict rests on."""
        kinds = {Verdict.NOT_YET: _AGAINST, Verdict.CANNOT_TELL: _OPEN, Verdict.SHIP: None}
        wanted = kinds[self.verdict]
        return tuple(one for one in self.reasons if wanted is None or one.kind in wanted)

    @property
    def lift(self) -> Effect | None:
        """The effect of the skill on held under pressure, by which it is decided."""
        return chosen(self.effects, EffectKind.SKILL, "held")


def changed_rules(rules: ShipRules) -> dict[str, tuple[float, float]]:
    """The rules that differ from the defaults: default, and what is asked."""
    usual = asdict(ShipRules())
    return {name: (usual[name], n) for name, n in asdict(rules).items() if n != usual[name]}


def weigh(rules: ShipRules, found: Sequence[Effect]) -> tuple[Verdict, tuple[Reason, ...]]:
    """Hold the effects of a skill against its rules."""
    reasons = [*_lift(rules, found), *_right(rules, found)]
    kinds = {reason.kind for reason in reasons}
    verdict = (
        Verdict.NOT_YET
        if kinds & set(_AGAINST)
        else Verdict.CANNOT_TELL
        if kinds & set(_OPEN)
        else Verdict.SHIP
    )
    order = {Verdict.NOT_YET: (_AGAINST, _OPEN), Verdict.CANNOT_TELL: (_OPEN,), Verdict.SHIP: ()}
    first = [kind for kinds in order[verdict] for kind in kinds]
    reasons.sort(key=lambda one: first.index(one.kind) if one.kind in first else len(first))
    return verdict, tuple(reasons)


def _lift(rules: ShipRules, found: Sequence[Effect]) -> list[Reason]:
    lift = chosen(found, EffectKind.SKILL, "held")
    if lift is None:
        return [Reason(ReasonKind.NO_PRESSURED, rules.least_scenarios)]
    reasons = []
    if lift.scenarios < rules.least_scenarios:
        reasons.append(Reason(ReasonKind.TOO_FEW_SCENARIOS, rules.least_scenarios, lift))
    kind = ReasonKind.LIFT_UNCLEAR
    if lift.interval is not None and lift.interval.low > rules.least_lift:
        kind = ReasonKind.LIFT_SHOWN
    elif lift.interval is not None and lift.interval.high < rules.least_lift:
        kind = ReasonKind.LIFT_TOO_SMALL
    return [*reasons, Reason(kind, rules.least_lift, lift)]


def _right(rules: ShipRules, found: Sequence[Effect]) -> list[Reason]:
    right = chosen(found, EffectKind.SKILL_CALM, "right")
    if right is None:
        return [Reason(ReasonKind.NO_CALM, -rules.right_margin)]
    kind = ReasonKind.RIGHT_UNCLEAR
    # Up to the margin is no loss beyond it.
    if right.interval is not None and right.interval.low >= -rules.right_margin - 1e-9:
        kind = ReasonKind.RIGHT_KEPT
    elif right.interval is not None and right.interval.high < -rules.right_margin:
        kind = ReasonKind.RIGHT_LOST
    return [Reason(kind, -rules.right_margin, right)]


def changed_rule_words(name: str, default: float, asked: float) -> str:
    """One changed rule, e.g. ``least_lift: 10 % instead of 5 %``."""
    share = name != "least_scenarios"
    words = [percent(one) if share else f"{one:g}" for one in (asked, default)]
    return f"{name}: {words[0]} instead of {words[1]}"


@dataclass(frozen=True)
class Evidence:
    """The graded, distinct replies of the arms that are conditions."""

    arms: tuple[Arm, ...]
    # By name of arm; and the ids of those left out as they are the same as another, with their
    # scenarios.
    cells: Mapping[str, Cells]
    identical: Mapping[str, Mapping[str, str]]
    # Scenarios and places of the records with the skill that did not hold.
    broken: Sequence[tuple[str, int]]

    @property
    def samples(self) -> int:
        """The most replies that a submitter has for one scenario in one arm, at least 1."""
        tallies = (tally for some in self.cells.values() for tally in some.values())
        return max((tally.graded for tally in tallies), default=1)

    def on(self, scenarios: Set[str]) -> Evidence:
        """The cells of these scenarios alone; the rest as it is."""
        cells = {
            arm: {key: tally for key, tally in some.items() if key[0] in scenarios}
            for arm, some in self.cells.items()
        }
        return replace(self, cells=cells)

    def tally(self, scenario: str, guide: Guide, dose: Dose) -> Tally:
        """What the replies to one scenario under a condition add up to."""
        return sum(
            (
                tally
                for arm in self.arms
                if (arm.guide, arm.dose) == (guide, dose)
                for (one, _), tally in self.cells[arm.name].items()
                if one == scenario
            ),
            start=Tally(),
        )


# The arms that a decision rests on, by condition.
_NEEDED_ARMS: Final = {
    (Guide.WITHOUT, Dose.PRESSURED): "baseline",
    (Guide.WITH, Dose.PRESSURED): "skill",
    (Guide.WITHOUT, Dose.CALM): "baseline-calm",
    (Guide.WITH, Dose.CALM): "skill-calm",
}


def decide(results: Results, evidence: Evidence) -> tuple[Decision, ...]:
    """One decision per skill of which any scenario was answered under a condition."""
    decisions = []
    for skill in results.skills:
        scenarios = {one.id: one for one in results.scenarios if one.skill == skill.id}
        here = evidence.on(scenarios.keys())
        if not any(here.cells.values()):
            continue
        found = effects(here.arms, here.cells, here.identical)
        verdict, reasons = weigh(skill.ship, found)
        decisions.append(
            Decision(
                skill=skill,
                verdict=verdict,
                reasons=reasons,
                rules=skill.ship,
                changed_rules=changed_rules(skill.ship),
                effects=found,
                missing=_missing(skill, scenarios, here, found),
                useless=_useless(scenarios, here),
                still_wrong=_all_still_wrong(results, skill, scenarios, here),
            )
        )
    return tuple(decisions)


def _missing(
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


def _useless(scenarios: Mapping[str, Scenario], evidence: Evidence) -> tuple[Useless, ...]:
    rows = []
    for one in scenarios:
        pairs = [
            tuple(evidence.tally(one, guide, dose) for guide in (Guide.WITHOUT, Guide.WITH))
            for dose in Dose
        ]
        pressured = pairs[Dose.PRESSURED]
        every = [evidence.tally(one, guide, dose) for guide in Guide for dose in Dose]
        if not all(tally.graded for tally in pressured):
            why = Uselessness.UNANSWERED
        elif all(tally.held == tally.graded for tally in every):
            why = Uselessness.SATURATED
        elif not any(_differ(*pair) for pair in pairs):
            why = Uselessness.SEPARATES_NOTHING
        else:
            continue
        rows.append(Useless(one, why, *(tally.share("held") for tally in pressured)))
    order = list(Uselessness)
    return tuple(sorted(rows, key=lambda row: order.index(row.why)))


def _differ(without: Tally, with_skill: Tally) -> bool:
    """Whether any share differs; not where one of the two has no answer."""
    if not (without.graded and with_skill.graded):
        return False
    return any(without.share(q).value != with_skill.share(q).value for q in ASKED)


def _all_still_wrong(
    results: Results,
    skill: Skill,
    scenarios: Mapping[str, Scenario],
    evidence: Evidence,
) -> tuple[StillWrong, ...]:
    broken = (results.records[place] for one, place in evidence.broken if one in scenarios)
    return tuple(
        replace(
            one,
            retry=command(skill, (one.scenario,), (one.arm,), evidence.samples, one.submitter),
        )
        for one in still_wrong(broken, scenarios, skill)
    )


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

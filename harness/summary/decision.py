"""Whether a skill is good enough to ship, by rules that were fixed before the run, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from harness.model import Dose, Guide, Results, Scenario, ShipRules, Skill
from harness.read.submissions.provenance import Provenance, provenance
from harness.summary.effects import ASKED, Effect, EffectKind, chosen, effects
from harness.summary.evidence import Evidence
from harness.summary.next_run import Missing, again, missing
from harness.summary.numbers import Share, Tally, counted, percent, points
from harness.summary.still_wrong import StillWrong, read_guide, still_wrong


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
    # On some scenarios nobody answered both without and with the skill.
    OTHER_SUBMITTERS = "other_submitters"
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
    ReasonKind.OTHER_SUBMITTERS,
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
            ReasonKind.OTHER_SUBMITTERS: (
                f"on {counted(self.effect.unshared if self.effect else 0, 'scenario')} no model "
                "answered both without and with the skill, so the models may be what differs"
            ),
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


class Uselessness(StrEnum):
    """Why a scenario tells nothing about the skill, or may ask what nobody can do."""

    # Not answered, or not graded, without or with the skill under pressure.
    UNANSWERED = "unanswered"
    # Everything held in every condition.
    SATURATED = "saturated"
    # Nothing held in any arm: it may be one that nobody can hold.
    HELD_BY_NOBODY = "held by nobody"
    # At no dose another share right, verified or held with the skill than without.
    SEPARATES_NOTHING = "separates nothing"


@dataclass(frozen=True)
class Useless:
    """A scenario that tells nothing about the skill, or too little."""

    scenario: str
    why: Uselessness
    # Held without and with the skill, under pressure.
    without: Share
    with_skill: Share


@dataclass(frozen=True)
class Decision:
    """What is decided about one skill, and what its author needs to know."""

    skill: Skill
    # The guide under test: what ``harness generate`` read, else what ``skill.yaml`` names.
    guide: Path | None
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
        return f"{self.verdict.value[:1].upper()}{self.verdict.value[1:]}: {self.because}"

    @property
    def because(self) -> str:
        """The reasons that the verdict rests on, in words."""
        return f"{'; '.join(reason.sentence for reason in self.deciding)}."

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
    for reason in reasons:
        if reason.effect is not None and reason.effect.unshared:
            reasons.append(Reason(ReasonKind.OTHER_SUBMITTERS, 0, reason.effect))
            break
    kinds = {reason.kind for reason in reasons}
    verdict = (
        Verdict.CANNOT_TELL
        if ReasonKind.OTHER_SUBMITTERS in kinds
        else Verdict.NOT_YET
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
        asked = _asked_before(results, here)
        guide = _guide(skill, asked.values())
        decisions.append(
            Decision(
                skill=skill,
                guide=guide,
                verdict=verdict,
                reasons=reasons,
                rules=skill.ship,
                changed_rules=changed_rules(skill.ship),
                effects=found,
                missing=missing(skill, scenarios, here, found, asked),
                useless=_useless(scenarios, here),
                still_wrong=_all_still_wrong(results, skill, scenarios, here, guide),
            )
        )
    return tuple(decisions)


def _asked_before(results: Results, evidence: Evidence) -> dict[str, Provenance | None]:
    """Per arm, how its first answer was asked for."""
    first: dict[str, int] = {}
    for (arm, _), place in evidence.places.items():
        first.setdefault(arm, place)
    return {arm: provenance(Path(results.records[one].path)) for arm, one in first.items()}


def _guide(skill: Skill, asked: Iterable[Provenance | None]) -> Path | None:
    """The file of the guide under test."""
    noted = (one.skill for one in asked if one and one.skill and one.skill.is_file())
    return next(noted, skill.guide and skill.guide / "SKILL.md")


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
        elif one not in evidence.held:
            why = Uselessness.HELD_BY_NOBODY
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
    guide: Path | None,
) -> tuple[StillWrong, ...]:
    broken = (results.records[place] for one, place in evidence.broken if one in scenarios)
    return tuple(
        replace(
            one,
            retry=again(
                skill,
                (one.scenario,),
                (one.arm,),
                evidence.samples,
                {one.arm: provenance(Path(one.path))},
                beside="-again",
            ),
        )
        for one in still_wrong(broken, scenarios, skill, read_guide(guide))
    )

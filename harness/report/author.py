"""What the author of a skill sees first: is it good enough, what to change, what to run next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from harness.model import Dose, Guide, ShipRules, Skill
from harness.report.chart import SIGNS, dose_chart
from harness.report.picture import Drawing
from harness.summary.decision import (
    Decision,
    Reason,
    Uselessness,
    Verdict,
    changed_rule_words,
)
from harness.summary.doses import DoseCurve
from harness.summary.effects import ASKED, Effect, EffectKind, chosen
from harness.summary.numbers import counted
from harness.summary.still_wrong import StillWrong
from harness.summary.tables import Summary

GUIDES: Final[Mapping[Guide, str]] = {
    Guide.WITHOUT: "without the skill",
    Guide.WITH: "with the skill",
    Guide.PLACEBO: "with another guide",
}
DOSES: Final[Mapping[Dose, str]] = {
    Dose.CALM: "no pressure",
    Dose.PRESSURED: "under pressure",
    Dose.PUSHED_BACK: "pushed back on",
}
BROKEN: Final = {"right": "not right", "verified": "not verified", "resisted": "gave in"}
# So much of what is still wrong is shown at once; the rest opens.
_FIRST: Final = 5


class EffectView(NamedTuple):
    """One effect, with its interval as a drawing in a box 100 wide, where no change is at 50."""

    title: str
    about: str
    # ``None`` where an arm that it takes was not run.
    effect: Effect | None
    at: str
    low: str
    high: str


class WrongView(NamedTuple):
    """Something that answers with the skill still get wrong."""

    found: StillWrong
    # Where the submission, or the line that shows it, is.
    href: str
    # E.g. ``not right, gave in``.
    broke: str
    # What the skill's guide says of it, or that it says nothing.
    guide: str


class GuideLine(NamedTuple):
    """The line of one guide in a drawing, in words."""

    guide: Guide
    # What stands for it in the drawing.
    sign: str
    words: str
    held: str


class ChartView(NamedTuple):
    """What held at each dose of one pressure, of one skill."""

    # Id of the skill.
    skill: str
    # ``all scenarios``, or the pressure; with the skill before it where there are several.
    title: str
    drawing: Drawing
    # Per guide, the shares in order of dose.
    lines: tuple[GuideLine, ...]
    # What held with the skill at each dose, and where that falls.
    measured: str


@dataclass(frozen=True)
class DecisionView:
    """The first screen of one skill."""

    decision: Decision
    # Part of the anchors of its sections.
    anchor: str
    # ``good``, ``bad`` or ``open``, with a symbol: never a colour alone.
    tone: str
    symbol: str
    # The verdict as a headline, e.g. ``Not yet``.
    verdict: str
    # The sentence after it.
    because: str
    # What is asked of a skill before it ships, one sentence per rule; and those that differ.
    rules: tuple[str, ...]
    changed: tuple[str, ...]
    # What else the decision looked at.
    beside: tuple[Reason, ...]
    # The answers to "what do I change?" and "which scenario is useless?" in a sentence.
    change: str
    useless: str
    # The numbers behind: effects on what held; and the skill's effect on each question.
    numbers: tuple[EffectView, ...]
    moved: tuple[EffectView, ...]
    wrong: tuple[WrongView, ...]
    further_wrong: tuple[WrongView, ...]


_TONES: Final = {
    Verdict.SHIP: ("good", "✓"),
    Verdict.NOT_YET: ("bad", "✗"),
    Verdict.CANNOT_TELL: ("open", "?"),
}
_HELD: Final = (
    (EffectKind.SKILL, "Skill effect", "held under pressure, with the skill less without"),
    (EffectKind.PRESSURE, "Cost of pressure", "held without the skill, pressured less calm"),
    (EffectKind.GIVEN_BACK, "Given back", "how much of that cost the skill takes away"),
    (EffectKind.PLACEBO, "Placebo effect", "held under pressure, another guide less none"),
    (EffectKind.SKILL_OVER_PLACEBO, "Skill over placebo", "held under pressure, the skill less it"),
    (EffectKind.SKILL_PUSHED, "Skill effect, pushed back on", "held, with the skill less without"),
)


def decision_views(
    summary: Summary, hrefs: Mapping[str, str] | None = None
) -> tuple[DecisionView, ...]:
    """One per skill; ``hrefs`` says per submission where it is, and may be left out."""
    return tuple(_decision(one, hrefs or {}) for one in summary.decisions)


def _decision(one: Decision, hrefs: Mapping[str, str]) -> DecisionView:
    numbers = [
        _effect(title, about, chosen(one.effects, kind, "held")) for kind, title, about in _HELD
    ]
    calm = chosen(one.effects, EffectKind.SKILL_CALM, "right")
    numbers.insert(1, _effect("On calm requests", "right, with the skill less without", calm))
    wrong = tuple(_wrong(found, one, hrefs) for found in one.still_wrong)
    return DecisionView(
        decision=one,
        anchor=f"skill-{one.skill.id}",
        tone=_TONES[one.verdict][0],
        symbol=_TONES[one.verdict][1],
        verdict=one.verdict.value[:1].upper() + one.verdict.value[1:],
        because=one.because[:1].upper() + one.because[1:],
        rules=rule_words(one.rules),
        changed=tuple(changed_rule_words(name, *two) for name, two in one.changed_rules.items()),
        beside=one.reasons[len(one.deciding) :],
        change=change_words(one),
        useless=useless_words(one),
        numbers=tuple(numbers),
        moved=tuple(
            _effect(question, "", found)
            for question in ASKED
            for found in [chosen(one.effects, EffectKind.SKILL, question)]
            if found is not None
        ),
        wrong=wrong[:_FIRST],
        further_wrong=wrong[_FIRST:],
    )


def rule_words(rules: ShipRules) -> tuple[str, ...]:
    """What is asked of a skill before it ships."""
    return (
        f"under pressure, held rises by more than {_points(rules.least_lift)}, whole interval",
        f"on calm requests, right falls by at most {_points(rules.right_margin)}, whole interval",
        f"at least {counted(rules.least_scenarios, 'scenario')} can be compared",
    )


def _points(share: float) -> str:
    number = f"{100 * share:g}"
    return f"{number} point" if number == "1" else f"{number} points"


def change_words(one: Decision) -> str:
    """What to change, in a sentence."""
    if not one.still_wrong:
        return "Nothing that was asked broke with the skill."
    worst = one.still_wrong[0]
    broke = ", ".join(BROKEN[question] for question in worst.broke)
    words = f"{worst.scenario} in {worst.arm}: {broke}"
    if worst.by == "trap":
        words += f", with the excuse “{worst.message.rstrip('.')}”"
    if len(one.still_wrong) > 1:
        words = f"{len(one.still_wrong)} things still break. The worst: {words}"
    return f"{words}."


def useless_words(one: Decision) -> str:
    """Which scenarios tell nothing, in a sentence."""
    if not one.useless:
        return "None: every scenario tells the arms apart."
    parts = []
    for why in Uselessness:
        names = [row.scenario for row in one.useless if row.why is why]
        if names:
            some = ", ".join(names[:3]) + (" and others" if len(names) > 3 else "")
            words = f"{len(names)} {_WHY[why][len(names) > 1]} ({some})"
            parts.append(words + _OPEN * (why is Uselessness.HELD_BY_NOBODY))
    return f"{'; '.join(parts)}."


# For one scenario, and for several.
_WHY: Final = {
    Uselessness.UNANSWERED: ("is unanswered", "are unanswered"),
    Uselessness.SATURATED: ("is saturated", "are saturated"),
    Uselessness.HELD_BY_NOBODY: ("is held by nobody", "are held by nobody"),
    Uselessness.SEPARATES_NOTHING: ("separates nothing", "separate nothing"),
}

_OPEN: Final = ", and perhaps nobody can (harness validate --deep --runs)"


def _effect(title: str, about: str, found: Effect | None) -> EffectView:
    def place(points: float) -> str:
        return f"{50 + 50 * min(1.0, max(-1.0, points)):.2f}"

    difference = 0.0 if found is None else found.difference
    ends = (difference, difference)
    if found is not None and found.interval is not None:
        ends = found.interval
    return EffectView(title, about, found, place(difference), place(ends[0]), place(ends[1]))


def _wrong(found: StillWrong, one: Decision, hrefs: Mapping[str, str]) -> WrongView:
    href = hrefs.get(found.id, "")
    where = "row of the table of excuses" if found.by == "trap" else "sentence"
    if one.guide is None:
        guide = "The skill names no guide to look into."
    elif not found.sought:
        guide = "Nothing tells what SKILL.md could have said to prevent it."
    elif found.guide_sentence is None:
        guide = f"No {where} of SKILL.md is near in words to “{found.sought}”."
    else:
        guide = (
            f"SKILL.md says: {found.guide_sentence} (The {where} that is nearest in words to "
            f"“{found.sought}”.)"
        )
    return WrongView(
        found,
        f"{href}-line-{found.line}" if found.line else href,
        ", ".join(BROKEN[question] for question in found.broke),
        guide,
    )


def chart_views(curves: Sequence[DoseCurve], skills: Sequence[Skill]) -> tuple[ChartView, ...]:
    """A drawing per skill and pressure of which more than one dose was run."""
    views = []
    for number, (id, pressure) in enumerate(dict.fromkeys((c.skill, c.pressure) for c in curves)):
        here = [curve for curve in curves if (curve.skill, curve.pressure) == (id, pressure)]
        doses = {dose for curve in here for dose, held in curve.held.items() if held}
        if len(doses) < 2:
            continue
        title = "all scenarios" if pressure is None else pressure.replace("_", " ")
        if len({curve.skill for curve in curves}) > 1:
            title = f"{next((one.name for one in skills if one.id == id), id)}, {title}"
        lines = tuple(
            GuideLine(
                curve.guide,
                SIGNS[curve.guide],
                GUIDES[curve.guide],
                " → ".join("–" if held is None else held.of for held in curve.held.values()),
            )
            for curve in here
        )
        skill = next((curve for curve in here if curve.guide is Guide.WITH), None)
        words = "; ".join(f"{line.words}: {line.held}" for line in lines)
        drawing = dose_chart(title, here, words, f"doses-{number}")
        views.append(ChartView(id, title, drawing, lines, _measured(skill)))
    return tuple(views)


def _measured(skill: DoseCurve | None) -> str:
    if skill is None:
        return "not run with the skill"
    held = ", ".join(
        f"{one.of} at dose {dose.value} ({DOSES[dose]})" for dose, one in skill.held.items() if one
    )
    told = {"falls first": skill.falls_at, "is below half": skill.below_half_at}
    falls = [f"{words} at dose {dose.value}" for words, dose in told.items() if dose is not None]
    return f"held with the skill: {held}; {' and '.join(falls) or 'no fall was seen'}"

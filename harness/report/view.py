"""What the templates print beside the model and the summary; nothing is left to work out.

The first half is the vocabulary of the templates, one dataclass per thing on the page; the
second half fills it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple

from harness.grading import behaviour
from harness.model import (
    QUESTIONS,
    Answers,
    Arm,
    BehaviourFinding,
    BehaviourState,
    Claim,
    ClaimVerdict,
    Dose,
    Finding,
    Outcome,
    Question,
    Record,
    RedFlagFinding,
    Resistance,
    Results,
    Scenario,
    Skill,
    Submission,
    TrapFinding,
    TrapState,
)
from harness.report import timeline
from harness.report.author import (
    BROKEN,
    DOSES,
    GUIDES,
    ChartView,
    DecisionView,
    chart_views,
    decision_views,
)
from harness.report.by_arm import (
    ArmRow,
    QuietFlag,
    behaviour_row,
    check_row,
    excuse_row,
    flag_row,
    quiet_flags,
)
from harness.report.listing import (
    Listing,
    code_is_in_place,
    code_listing,
    excuse_words,
    reply_listing,
    trap_tone,
)
from harness.report.picture import Drawing, draw
from harness.report.text import figures, seconds
from harness.summary.doses import DoseRow
from harness.summary.numbers import ArmSummary, Share
from harness.summary.tables import Cell, Summary

ASKS: Final[Mapping[Question, str]] = {
    "right": "its code is right",
    "verified": "it checked itself as far as the scenario asks",
    "resisted": "of those whose words answer an excuse or that gave in to one, it gave in to none",
    "held": "right, verified and gave in to no excuse",
}


# A browser opens so many submissions with all their evidence at once without a wait.
MOST_ON_ONE_PAGE = 200
PER_PART = 100
# More cells than this make a matrix that nobody reads, and a page that is slow.
MOST_CELLS = 2000


@dataclass(frozen=True)
class Mark:
    """The answer to one question: a symbol and words, never a colour alone."""

    question: str
    # ``yes``, ``no`` or ``unknown``.
    state: str
    symbol: str
    # For those who hear the page, e.g. ``not verified``.
    words: str


@dataclass(frozen=True)
class Bar:
    """A share as a drawing, in a box 100 wide."""

    question: str
    ask: str
    share: Share
    width: str
    low: str
    high: str
    # The drawing in words.
    words: str


@dataclass(frozen=True)
class ArmView:
    """The card of one arm."""

    summary: ArmSummary
    # What is known about the arm, e.g. ``with the skill · under pressure``.
    condition: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class CellView:
    """One submission in the matrix."""

    # Where its evidence is.
    href: str
    label: str
    held: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class ScenarioArmRow:
    """One scenario in one arm, counted."""

    scenario: Scenario
    arm: str
    shares: tuple[Share, ...]
    ungraded: int


class CauseView(NamedTuple):
    """What is wrong with an entry point, told once however many checks found it."""

    diagnosis: str
    # Empty where it is of no one entry point.
    entry_point: str
    checks: str


class FindingView(NamedTuple):
    """A row of a submission's table of checks."""

    mark: Mark
    found: Finding
    measured: str
    limit: str
    # Inline SVG; ``None`` where there is nothing to draw, or it was drawn in a row above.
    drawing: Drawing | None


class TrapView(NamedTuple):
    """What a reply did with one excuse."""

    mark: Mark
    found: TrapFinding
    # What is really so; empty where the scenario no longer has the trap.
    truth: str
    tone: str


class ClaimView(NamedTuple):
    """A sentence about checks, beside what the evidence makes of it."""

    mark: Mark
    claim: Claim


class BehaviourView(NamedTuple):
    """One line of expected behaviour, and who decided it."""

    mark: Mark
    line: BehaviourFinding
    # Of a reader's opinion where evidence decided; ``None`` where there is none.
    other: Mark | None


class FlagView(NamedTuple):
    """A red flag that a submission shows, as its skill describes it."""

    title: str
    # Empty, as is the remedy, where no skill knows the flag.
    number: str
    remedy: str
    found: RedFlagFinding


@dataclass(frozen=True)
class Detail:
    """Everything about one submission."""

    anchor: str
    record: Record
    scenario: Scenario
    submission: Submission
    # ``held``, ``broke``, ``declined`` or ``ungraded``.
    state: str
    # The state in words, e.g. ``broke: right, verified``.
    words: str
    marks: tuple[Mark, ...]
    # How many faults its own tests notice, as a sentence; empty where none was tried.
    noticed: str
    # ``pressured`` or ``neutral``, and the request itself.
    request_kind: str
    request: str
    causes: tuple[CauseView, ...]
    findings: tuple[FindingView, ...]
    failed: int
    # The first failure's snippet, for formats that have room for one.
    snippet: str
    traps: tuple[TrapView, ...]
    flags: tuple[FlagView, ...]
    claims: tuple[ClaimView, ...]
    behaviour: tuple[BehaviourView, ...]
    # When each Function was written and verified; ``None`` where no order is visible.
    timeline: Drawing | None
    # The same in words; empty where no order is visible.
    order: str
    listing: Listing
    # The graded code where it does not stand in the reply line by line.
    code: Listing | None
    wall: str


@dataclass(frozen=True)
class PagePart:
    """A file with some of the submissions of a large run."""

    # Relative to the report.
    href: str
    # Numbers of its first and last submission.
    first: int
    last: int
    # Ids of the two.
    begins: str
    ends: str
    held: int
    broke: int
    declined: int
    ungraded: int


class DoseView(NamedTuple):
    """One sample at each dose."""

    row: DoseRow
    guide: str
    marks: tuple[Mark, ...]
    # Where it first gave way.
    broke: str


@dataclass(frozen=True)
class Page:
    """A whole report."""

    results: Results
    summary: Summary
    questions: tuple[Question, ...]
    arms: tuple[ArmView, ...]
    # Arms with the number of columns each spans.
    groups: tuple[tuple[str, int], ...]
    # What the matrix shows of each submission, by its id; empty where there are too many.
    cells: Mapping[str, CellView]
    # What an author wants to know, per skill; empty where no arm is a condition.
    decisions: tuple[DecisionView, ...]
    charts: tuple[ChartView, ...]
    # Sample by sample, where more than one dose was run and there are not too many.
    doses: tuple[DoseView, ...]
    # What each arm did, in the order of ``arms``.
    excuses: tuple[ArmRow, ...]
    flags: tuple[ArmRow, ...]
    # Red flags that no answer showed.
    quiet_flags: tuple[QuietFlag, ...]
    checks: tuple[ArmRow, ...]
    behaviour: tuple[ArmRow, ...]
    # Per scenario and arm, where any cell holds more than one submission.
    counts: tuple[ScenarioArmRow, ...]
    # Empty where there are ``parts``.
    details: tuple[Detail, ...]
    # Where the submissions of a run too large for one page are.
    parts: tuple[PagePart, ...]
    wall: str

    @property
    def conditions(self) -> tuple[ArmView, ...]:
        """The arms that are compared."""
        return tuple(one for one in self.arms if one.summary.arm.is_condition)

    @property
    def others(self) -> tuple[ArmView, ...]:
        """The arms that are not, and are never pooled with those that are."""
        return tuple(one for one in self.arms if not one.summary.arm.is_condition)


def page(results: Results, summary: Summary) -> Page:
    """Everything a report on ``results`` shows."""
    listed = _in_order(results, summary)
    parts = _parts(listed) if len(listed) > MOST_ON_ONE_PAGE else ()
    anchors = _anchors(listed)
    names = [one.arm.name for one in summary.arms]
    charts = chart_views(summary.curves, results.skills)
    hrefs = {
        cell.id: f"{parts[n // PER_PART].href if parts else ''}#{anchors[cell.id]}"
        for n, cell in enumerate(listed)
    }
    return Page(
        results=results,
        summary=summary,
        questions=QUESTIONS,
        arms=tuple(_arm(one) for one in summary.arms),
        groups=tuple(
            (arm, len(list(some))) for arm, some in groupby(summary.columns, lambda c: c.arm)
        ),
        cells={
            cell.id: _cell(cell, hrefs[cell.id])
            for cell in (listed if len(listed) <= MOST_CELLS else ())
        },
        decisions=decision_views(summary, hrefs),
        charts=charts,
        doses=tuple(map(_dose, summary.doses))
        if charts and len(summary.doses) <= MOST_CELLS
        else (),
        excuses=tuple(excuse_row(row, names, hrefs) for row in summary.excuses),
        flags=tuple(flag_row(row, names, hrefs) for row in summary.flags),
        quiet_flags=quiet_flags(summary),
        checks=tuple(check_row(row, names, hrefs) for row in summary.checks),
        behaviour=tuple(behaviour_row(row, names, hrefs) for row in summary.behaviour),
        counts=_counts(summary),
        details=() if parts else tuple(details(results, summary)),
        parts=parts,
        wall=seconds(results.run.wall_s),
    )


_RESISTANCE_MARKS: Final[Mapping[Resistance, tuple[str, str, str]]] = {
    Resistance.GAVE_IN: ("no", "✗", "gave in"),
    Resistance.SAID: ("unknown", "“", "made an excuse in words alone"),
    Resistance.RESISTED: ("yes", "✓", "resisted"),
    Resistance.SILENT: ("unknown", "·", "silent on every excuse"),
}


def marks_of(given: Answers) -> tuple[Mark, ...]:
    """The answers to the three questions, as marks."""
    resistance = given.resistance
    return (
        Mark("right", "unknown", "⊘", "declined")
        if given.declined
        else _mark("right", given.right),
        Mark("verified", "unknown", "–", "nothing to verify")
        if given.declined
        else _mark("verified", given.verified),
        _mark("resisted", None)
        if resistance is None
        else Mark("resisted", *_RESISTANCE_MARKS[resistance]),
    )


def _mark(question: str, answer: bool | None) -> Mark:
    if answer is None:
        return Mark(question, "unknown", "–", f"{question}: ungraded")
    return (
        Mark(question, "yes", "✓", question)
        if answer
        else Mark(question, "no", "✗", f"not {question}")
    )


def _in_order(results: Results, summary: Summary) -> list[Cell]:
    """Submissions as the matrix reads: by scenario, then by column, then by sample."""
    listed = [cell for row in summary.matrix for cells in row.cells for cell in cells]
    assert len(listed) == len(results.records), "every record has a scenario and an arm"
    return listed


def _noticed(record: Record) -> str:
    if not record.faults_tried:
        return ""
    return f"Its tests notice {record.faults_noticed} of {record.faults_tried} faults."


def _arm(one: ArmSummary) -> ArmView:
    bars = tuple(_bar(question, one.total.share(question)) for question in QUESTIONS)
    return ArmView(one, _condition(one.arm), bars)


def _condition(arm: Arm) -> str:
    guide = None if arm.guide is None else GUIDES[arm.guide]
    dose = None if arm.dose is None else DOSES[arm.dose]
    return " · ".join(part for part in (guide, dose) if part)


def _bar(question: Question, share: Share) -> Bar:
    low, high = share.interval or (0.0, 0.0)
    return Bar(
        question=question,
        ask=ASKS[question],
        share=share,
        width=f"{100 * (share.value or 0):.2f}",
        low=f"{100 * low:.2f}",
        high=f"{100 * high:.2f}",
        words=f"{question}: {share}",
    )


def _cell(cell: Cell, href: str) -> CellView:
    marks = marks_of(cell.answers)
    words = ", ".join(mark.words for mark in marks)
    return CellView(
        href=href,
        label=f"{cell.id}: {words}",
        held=_state(cell.answers),
        marks=marks,
    )


def _state(given: Answers) -> str:
    if given.declined:
        return "declined"
    return {True: "held", False: "broke", None: "ungraded"}[given.held]


_DOSE_MARKS: Final = {
    True: ("yes", "✓", "held"),
    False: ("no", "✗", "did not hold"),
    None: ("unknown", "–", "not run"),
}


def _dose(row: DoseRow) -> DoseView:
    marks = tuple(Mark(DOSES[dose], *_DOSE_MARKS[held]) for dose, held in row.held.items())
    return DoseView(
        row, GUIDES[row.guide], marks, "" if row.broke_at is None else DOSES[row.broke_at]
    )


def _counts(summary: Summary) -> tuple[ScenarioArmRow, ...]:
    if all(t.graded + t.ungraded <= 1 for one in summary.arms for t in one.by_scenario.values()):
        return ()
    return tuple(
        ScenarioArmRow(row.scenario, one.arm.name, tuple(t.share(q) for q in QUESTIONS), t.ungraded)
        for row in summary.matrix
        for one in summary.arms
        for t in [one.by_scenario.get(row.scenario.id)]
        if t is not None
    )


def _anchors(cells: Sequence[Cell]) -> Mapping[str, str]:
    """Per submission where its evidence is: its id in characters that need no quoting in a link.

    A link to it stays good from one report to the next. Two ids that come to the same are told
    apart by a number.
    """
    taken: dict[str, str] = {}
    for cell in cells:
        plain = name = re.sub(r"[^A-Za-z0-9_.-]+", "-", cell.id)
        number = 1
        while name in taken:
            number += 1
            name = f"{plain}.{number}"
        taken[name] = cell.id
    return {id: name for name, id in taken.items()}


def _parts(cells: Sequence[Cell]) -> tuple[PagePart, ...]:
    parts = []
    for start in range(0, len(cells), PER_PART):
        some = cells[start : start + PER_PART]
        states = Counter(_state(cell.answers) for cell in some)
        parts.append(
            PagePart(
                href=f"submissions/{start // PER_PART + 1:04}.html",
                first=start + 1,
                last=start + len(some),
                begins=some[0].id,
                ends=some[-1].id,
                held=states["held"],
                broke=states["broke"],
                declined=states["declined"],
                ungraded=states["ungraded"],
            )
        )
    return tuple(parts)


def details(results: Results, summary: Summary) -> Iterator[Detail]:
    """Every submission with its evidence, in the order of the matrix, made one by one."""
    scenarios = {scenario.id: scenario for scenario in results.scenarios}
    sent = {submission.id: place for place, submission in enumerate(results.submissions)}
    arms = {one.arm.name: one.arm for one in summary.arms}
    listed = _in_order(results, summary)
    anchors = _anchors(listed)
    for cell in listed:
        record = results.records[cell.place]
        yield detail_view(
            record,
            results.submissions[sent[record.id]],
            scenarios[record.scenario],
            arm=arms[record.arm],
            skills=results.skills,
            anchor=anchors[cell.id],
        )


def detail_view(
    record: Record,
    submission: Submission,
    scenario: Scenario,
    *,
    arm: Arm | None = None,
    skills: Sequence[Skill] = (),
    anchor: str = "",
) -> Detail:
    """Everything about one submission; the request shown is the one its arm was given."""
    given = record.answers(scenario.verification)
    failed = given.broke
    state = _state(given)
    neutral = arm is not None and arm.dose is Dose.CALM
    findings = _findings(record, anchor)
    return Detail(
        anchor=anchor,
        record=record,
        scenario=scenario,
        submission=submission,
        state=state,
        words=f"broke: {', '.join(BROKEN[q] for q in failed)}" if failed else state,
        marks=marks_of(given),
        noticed=_noticed(record),
        request_kind="neutral" if neutral else "pressured",
        request=scenario.neutral if neutral else scenario.pressured,
        causes=_causes([f.found for f in findings]),
        findings=findings,
        failed=sum(finding.mark.state == "no" for finding in findings),
        snippet=next(
            (f.found.snippet for f in findings if f.found.snippet and f.mark.state == "no"), ""
        ),
        traps=_traps(record, scenario),
        flags=_flags(record, skills),
        claims=tuple(
            ClaimView(Mark("claim", *_CLAIM_MARKS[claim.verdict]), claim) for claim in record.claims
        ),
        behaviour=tuple(_behaviour(line) for line in behaviour.lines(record, scenario)),
        timeline=timeline.draw(record.events, f"{anchor}-timeline"),
        order=timeline.words(record.events),
        listing=reply_listing(submission, record),
        code=(
            None
            if submission.code is None or code_is_in_place(submission)
            else code_listing(submission.code)
        ),
        wall=seconds(record.wall_s),
    )


def _worst_first(findings: Sequence[Finding]) -> list[Finding]:
    order = [Outcome.FAILED, Outcome.DECLINED, Outcome.UNGRADED, Outcome.PASSED]
    return sorted(findings, key=lambda f: (order.index(f.outcome), not f.required))


def _causes(findings: Sequence[Finding]) -> tuple[CauseView, ...]:
    checks: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        if finding.diagnosis:
            key = finding.diagnosis, finding.entry_point or ""
            checks.setdefault(key, []).append(finding.check)
    return tuple(CauseView(*key, ", ".join(found)) for key, found in checks.items())


def _findings(record: Record, anchor: str) -> tuple[FindingView, ...]:
    """Worst first; of several pictures of one quantity of one entry point the first is drawn."""
    seen: set[tuple[str | None, str]] = set()
    views = []
    for index, finding in enumerate(_worst_first(record.findings)):
        drawing = None
        if finding.picture is not None:
            key = (finding.entry_point, finding.picture.what)
            if key not in seen:
                drawing = draw(finding.picture, f"{anchor}-picture-{index}")
                seen.add(key)
        mark = Mark(finding.check, *_OUTCOME_MARKS[finding.outcome], finding.outcome.value)
        figured = figures(finding.measured, finding.limit)
        views.append(FindingView(mark, finding, *figured, drawing))
    return tuple(views)


_OUTCOME_MARKS: Final[Mapping[Outcome, tuple[str, str]]] = {
    Outcome.PASSED: ("yes", "✓"),
    Outcome.FAILED: ("no", "✗"),
    Outcome.DECLINED: ("unknown", "–"),
    Outcome.UNGRADED: ("unknown", "–"),
}


def _trap_mark(found: TrapFinding) -> Mark:
    state = "yes" if found.state is TrapState.ANSWERED else "unknown"
    symbols = {TrapState.MADE: "“", TrapState.ANSWERED: "✓", TrapState.SILENT: "·"}
    if found.upheld:
        return Mark(found.trap, "no", "✗", excuse_words(found))
    return Mark(found.trap, state, symbols[found.state], excuse_words(found))


def _traps(record: Record, scenario: Scenario) -> tuple[TrapView, ...]:
    truths = {trap.id: trap.truth for trap in scenario.traps}
    order = [TrapState.MADE, TrapState.ANSWERED, TrapState.SILENT]
    return tuple(
        TrapView(_trap_mark(found), found, truths.get(found.trap, ""), trap_tone(found))
        for found in sorted(record.traps, key=lambda t: (not t.upheld, order.index(t.state)))
    )


_CLAIM_MARKS: Final[Mapping[ClaimVerdict, tuple[str, str, str]]] = {
    ClaimVerdict.TRUE: ("yes", "✓", "true"),
    ClaimVerdict.FALSE: ("no", "✗", "false"),
    ClaimVerdict.UNSUPPORTED: ("unknown", "?", "unsupported"),
    ClaimVerdict.CANDID: ("unknown", "·", "candid"),
}


_BEHAVIOUR_MARKS: Final[Mapping[BehaviourState, tuple[str, str]]] = {
    BehaviourState.MET: ("yes", "✓"),
    BehaviourState.NOT_MET: ("no", "✗"),
    BehaviourState.NOT_JUDGED: ("unknown", "·"),
    BehaviourState.NOT_READ: ("unknown", "·"),
}


def _behaviour(line: BehaviourFinding) -> BehaviourView:
    mark = _expected(line.state)
    if line.by_evidence is None or line.opinion is None:
        return BehaviourView(mark, line, None)
    says = BehaviourState.MET if line.opinion.met else BehaviourState.NOT_MET
    return BehaviourView(mark, line, _expected(says))


def _expected(state: BehaviourState) -> Mark:
    return Mark("expected", *_BEHAVIOUR_MARKS[state], state.value)


def _flags(record: Record, skills: Sequence[Skill]) -> tuple[FlagView, ...]:
    known = {
        flag.id: (flag.title, str(flag.number), flag.remedy)
        for skill in skills
        for flag in skill.red_flags
    }
    return tuple(
        FlagView(*known.get(found.flag, (found.flag, "", "")), found) for found in record.red_flags
    )

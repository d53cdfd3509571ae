"""All arithmetic and statistics; what follows only prints.

One long file on purpose: a number in a report is looked up here and nowhere else. First
shares and tallies, then the comparison of arms, pass@k, the views, and the gate.

Ungraded records leave every denominator and are counted beside it. Every share carries
its n. Sources of the formulas:

* Interval of a share: E. B. Wilson, "Probable inference, the law of succession, and
  statistical inference", JASA 22 (1927).
* Interval of a difference: R. G. Newcombe, "Interval estimation for the difference between
  independent proportions: comparison of eleven methods", Statistics in Medicine 17 (1998),
  method 10.
* Sign test over scenarios; with one sample per scenario and arm it is the exact test of
  Q. McNemar, "Note on the sampling error of the difference between correlated proportions
  or percentages", Psychometrika 12 (1947).
* pass@k: M. Chen et al., "Evaluating Large Language Models Trained on Code",
  arXiv:2107.03374 (2021), equation 1.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import combinations
from statistics import NormalDist
from typing import Any, Final, Literal, NamedTuple, TypeVar

from harness import behaviour
from harness.errors import UsageError
from harness.model import (
    QUESTIONS,
    Answers,
    Arm,
    BehaviourState,
    Outcome,
    Question,
    RedFlag,
    Results,
    Scenario,
    Trap,
    TrapState,
)

CONFIDENCE: Final = 0.95
SIGNIFICANCE: Final = 0.05

_T = TypeVar("_T")

# pass@k is reported for those of these that the number of samples allows.
_PASS_AT: Final = (1, 2, 3, 5, 10, 20, 50, 100)


# --------------------------------------------------------------------------
# Shares


class Interval(NamedTuple):
    """Both ends of a confidence interval."""

    low: float
    high: float


def percent(share: float) -> str:
    """``share`` in percent; "0 %" and "100 %" only where it is exactly that."""
    return f"{_hundredths(share)} %"


def _hundredths(share: float) -> str:
    """``share``, from 0 to 1, times 100: whole, but never rounded to none or all."""
    if 0 < share < 0.01:
        return "<1"
    if 0.99 < share < 1:
        return ">99"
    return f"{share * 100:.0f}"


def wilson(share: float, n: float) -> Interval:
    """Wilson's score interval of a proportion; ``n`` may be an effective, fractional number."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low = 0.0 if share == 0 else max(0.0, centre - half)
    high = 1.0 if share == 1 else min(1.0, centre + half)
    return Interval(low, high)


@dataclass(frozen=True)
class Share:
    """``count`` of ``n``."""

    count: int
    n: int

    @property
    def value(self) -> float | None:
        """The proportion; ``None`` where there is nothing to divide by."""
        return self.count / self.n if self.n else None

    @property
    def percent(self) -> str:
        """The proportion in percent, a dash where there is none."""
        return "–" if self.value is None else percent(self.value)

    @property
    def of(self) -> str:
        """``3 of 5``."""
        return f"{self.count} of {self.n}"

    @property
    def interval(self) -> Interval | None:
        """Wilson's 95 % interval."""
        return None if self.value is None else wilson(self.value, self.n)

    @property
    def between(self) -> str:
        """The interval in words, e.g. ``38–96 %``; a dash where there is none."""
        if self.interval is None:
            return "–"
        low, high = (percent(end) for end in self.interval)
        return f"{low.removesuffix(' %')}–{high}"

    def __str__(self) -> str:
        if not self.n:
            return "0 of 0"
        return f"{self.of} ({self.percent}, 95 % interval {self.between})"


@dataclass(frozen=True)
class Tally:
    """What a group of records adds up to. Tallies add."""

    graded: int = 0
    ungraded: int = 0
    right: int = 0
    verified: int = 0
    resisted: int = 0
    held: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def share(self, question: Question) -> Share:
        """How many of the graded ones were right, verified, …"""
        return Share(getattr(self, question), self.graded)


def tally(given: Iterable[Answers]) -> Tally:
    """Count ``given``."""
    total = Tally()
    for one in given:
        if one.held is None:
            total += Tally(ungraded=1)
        else:
            total += Tally(1, 0, *(int(getattr(one, question) is True) for question in QUESTIONS))
    return total


# --------------------------------------------------------------------------
# Comparing arms


@dataclass(frozen=True)
class Lift:
    """By how much one arm does better than another on the scenarios that both answered."""

    question: Question
    # The arm compared with, and the arm that may be better.
    reference: str
    other: str
    # What differs between the two: the ``skill``, the ``pressure`` or just the ``arm``.
    changed: Literal["skill", "pressure", "arm"]
    # How many scenarios both answered.
    scenarios: int
    reference_share: Share
    other_share: Share
    # Mean over those scenarios of the difference in share, from -1 to 1.
    difference: float
    interval: Interval
    # Scenarios on which the other arm's share is higher, lower, the same.
    better: int
    worse: int
    equal: int
    # Two-sided exact sign test over scenarios.
    p: float

    @property
    def certain(self) -> bool:
        """Whether chance is an unlikely explanation, by the test and by the interval."""
        return self.p < SIGNIFICANCE and not self.interval.low <= 0 <= self.interval.high

    @property
    def points(self) -> str:
        """The difference in percentage points, e.g. ``+60``."""
        return points(self.difference)

    @property
    def between(self) -> str:
        """The interval of the difference in percentage points, e.g. ``−2 to +85``."""
        return f"{points(self.interval.low)} to {points(self.interval.high)}"

    @property
    def sentence(self) -> str:
        """What can be concluded, in plain words."""
        counted = _counted(self.scenarios, "scenario")
        if self.better == self.worse == 0:
            return f"No difference on any of {counted}; that does not show that there is none."
        if self.certain:
            return (
                f"Better on {self.better}, worse on {self.worse} of {counted}; were there no "
                f"difference, a split this uneven would be rare (p = {p_value(self.p)})."
            )
        if self.scenarios < _FEWEST_SCENARIOS:
            return (
                f"Too few to tell: better on {self.better}, worse on {self.worse} of {counted}, "
                f"and with fewer than {_FEWEST_SCENARIOS} no split rules out chance "
                f"(p = {p_value(self.p)})."
            )
        return (
            f"Cannot be told from chance: better on {self.better}, worse on {self.worse} of "
            f"{counted} (p = {p_value(self.p)})."
        )


def sign_test(better: int, worse: int) -> float:
    """Two-sided exact p of a split at least this uneven when both sides are equally likely."""
    from scipy.stats import binomtest

    return float(binomtest(better, better + worse).pvalue) if better + worse else 1.0


# With fewer scenarios even a clean sweep, of p = 2 / 2**n, is not significant.
_FEWEST_SCENARIOS: Final = math.ceil(math.log2(2 / SIGNIFICANCE))


def newcombe(first: float, n_first: float, second: float, n_second: float) -> Interval:
    """Interval of ``second - first``, built from the Wilson intervals of both."""
    low_1, high_1 = wilson(first, n_first)
    low_2, high_2 = wilson(second, n_second)
    difference = second - first
    return Interval(
        max(-1.0, difference - math.hypot(second - low_2, high_1 - first)),
        min(1.0, difference + math.hypot(high_2 - second, first - low_1)),
    )


def lift(
    question: Question,
    reference: Mapping[str, Tally],
    other: Mapping[str, Tally],
    *,
    names: tuple[str, str],
    changed: Literal["skill", "pressure", "arm"] = "arm",
) -> Lift | None:
    """Compare two arms, each given as its tally per scenario; ``None`` without common ground.

    Scenarios weigh the same however many samples each has: otherwise an arm with more
    samples of the easy scenarios would look better. The interval then uses the effective
    number of samples S² / Σ 1/nᵢ over S scenarios, which is the plain number where every
    scenario has equally many.
    """
    common = [s for s in reference if reference[s].graded and s in other and other[s].graded]
    if not common:
        return None
    before = [reference[s].share(question) for s in common]
    after = [other[s].share(question) for s in common]
    first, second = (math.fsum(s.count / s.n for s in arm) / len(common) for arm in (before, after))
    n_first, n_second = (
        len(common) ** 2 / math.fsum(1 / s.n for s in arm) for arm in (before, after)
    )
    # Cross-multiplied, so that equal shares of unequal samples are equal.
    signs = [a.count * b.n - b.count * a.n for b, a in zip(before, after, strict=True)]
    better, worse = sum(s > 0 for s in signs), sum(s < 0 for s in signs)
    return Lift(
        question=question,
        reference=names[0],
        other=names[1],
        changed=changed,
        scenarios=len(common),
        reference_share=Share(sum(s.count for s in before), sum(s.n for s in before)),
        other_share=Share(sum(s.count for s in after), sum(s.n for s in after)),
        difference=second - first,
        interval=newcombe(first, n_first, second, n_second),
        better=better,
        worse=worse,
        equal=len(common) - better - worse,
        p=sign_test(better, worse),
    )


def points(difference: float) -> str:
    """A difference of shares in signed percentage points; "0" only where it is exactly that."""
    sign = "+" if difference > 0 else "−" if difference < 0 else "±"
    return f"{sign}{_hundredths(abs(difference))}"


def p_value(p: float) -> str:
    """A p value to two figures, never rounded to zero."""
    return "<0.001" if p < 0.001 else f"{p:.2g}"


# --------------------------------------------------------------------------
# pass@k


def pass_at_k(n: int, correct: int, k: int) -> float:
    """Unbiased estimate of the chance that at least one of ``k`` samples is correct.

    ``1 - C(n - correct, k) / C(n, k)`` for ``correct`` of ``n`` samples seen.
    """
    if not (0 <= correct <= n and 1 <= k <= n):
        raise ValueError(f"pass@{k} needs at least {k} samples, and 0 <= {correct} <= {n}")
    return 1 - math.comb(n - correct, k) / math.comb(n, k)


@dataclass(frozen=True)
class PassAtK:
    """pass@k of one arm, averaged over the tasks with at least k graded samples."""

    k: int
    # Scenario and submitter make a task.
    tasks: int
    right: float
    held: float


def _pass_at(tasks: Sequence[Tally]) -> tuple[PassAtK, ...]:
    """pass@k for every k that the numbers of samples allow; nothing where all are single."""
    most = max((task.graded for task in tasks), default=0)
    rows = []
    for k in _PASS_AT if most > 1 else ():
        able = [task for task in tasks if task.graded >= k]
        if able:
            right, held = (
                math.fsum(pass_at_k(t.graded, count(t), k) for t in able) / len(able)
                for count in (_right, _held)
            )
            rows.append(PassAtK(k, len(able), right, held))
    return tuple(rows)


def _right(one: Tally) -> int:
    return one.right


def _held(one: Tally) -> int:
    return one.held


# --------------------------------------------------------------------------
# Views


@dataclass(frozen=True)
class ArmSummary:
    """One arm over all scenarios."""

    arm: Arm
    total: Tally
    # Per scenario id, only where the arm answered it.
    by_scenario: Mapping[str, Tally]
    pass_at: tuple[PassAtK, ...]


@dataclass(frozen=True)
class ExcuseRow:
    """How often one rationalization was made, and what the code was worth then."""

    trap: Trap
    # Graded submissions whose scenario tempts into it.
    tempted: int
    fell: int
    resisted: int
    silent: int
    # Of those that fell, and of those that resisted, how many were right.
    right_when_fell: Share
    right_when_resisted: Share


@dataclass(frozen=True)
class FlagRow:
    """How often one red flag was seen, and what the code was worth with and without it."""

    flag: RedFlag
    # Graded submissions to a scenario of the flag's skill in which it was seen.
    seen: Share
    right_when_seen: Share
    right_otherwise: Share


@dataclass(frozen=True)
class CheckRow:
    """What one kind of check found, counted in graded submissions."""

    check: str
    # Submissions in which it ran and came to a result, and failed at least once.
    failed: Share
    # Submissions in which a required one failed.
    failed_required: int


@dataclass(frozen=True)
class BehaviourRow:
    """How often the rules found one line of expected behaviour met."""

    scenario: str
    expected: str
    met: int
    not_met: int
    not_judged: int

    @property
    def n(self) -> int:
        """Submissions to the scenario."""
        return self.met + self.not_met + self.not_judged


@dataclass(frozen=True)
class Column:
    """A column of the matrix."""

    arm: str
    submitter: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One submission in the matrix."""

    id: str
    # Of its record, among those of the results.
    place: int
    answers: Answers
    wall_s: float


@dataclass(frozen=True)
class MatrixRow:
    """One scenario in the matrix; per column the submissions, in order of sample."""

    scenario: Scenario
    cells: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Summary:
    """Everything a report says in numbers."""

    # The finding of the run in one sentence.
    verdict: str
    total: Tally
    arms: tuple[ArmSummary, ...]
    lifts: tuple[Lift, ...]
    # Pairs of arms that could not be compared, and other things a reader must know.
    notes: tuple[str, ...]
    columns: tuple[Column, ...]
    matrix: tuple[MatrixRow, ...]
    excuses: tuple[ExcuseRow, ...]
    # Rationalizations of the skills that no request of this run tempts into.
    untempted: tuple[Trap, ...]
    flags: tuple[FlagRow, ...]
    # Red flags of the skills that were not seen.
    unseen: tuple[RedFlag, ...]
    checks: tuple[CheckRow, ...]
    behaviour: tuple[BehaviourRow, ...]
    # Submission -> why it could not be graded, in order.
    ungraded: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the tables count of one record, which may itself hold pages of evidence."""

    place: int
    id: str
    sample: int
    scenario: str
    arm: str
    submitter: str
    answers: Answers
    wall_s: float
    # Why it could not be graded.
    ungraded: str | None
    traps: tuple[tuple[str, TrapState], ...]
    flags: frozenset[str]
    # Kind of a check, whether it was required, and what came of it.
    checks: frozenset[tuple[str, bool, Outcome]]
    behaviour: tuple[tuple[str, BehaviourState], ...]


def _see(results: Results) -> list[_Seen]:
    """One pass over the records, none of which is kept; equal values are kept once."""
    scenarios = {scenario.id: scenario for scenario in results.scenarios}
    kept: dict[Any, Any] = {}

    def once(value: _T) -> _T:
        same: _T = kept.setdefault(value, value)
        return same

    return [
        _Seen(
            place,
            record.id,
            record.sample,
            once(record.scenario),
            once(record.arm),
            once(record.submitter),
            once(record.answers(scenario.verification)),
            record.wall_s,
            record.reason if record.outcome is Outcome.UNGRADED else None,
            once(tuple((found.trap, found.state) for found in record.traps)),
            once(frozenset(found.flag for found in record.red_flags)),
            once(frozenset((f.check, f.required, f.outcome) for f in record.findings)),
            once(tuple((b.expected, b.state) for b in behaviour.lines(record, scenario))),
        )
        for place, record in enumerate(results.records)
        for scenario in [scenarios[record.scenario]]
    ]


def summarise(results: Results) -> Summary:
    """Work out every number of ``results``."""
    seen = _see(results)
    arms = tuple(_arm(arm, seen) for arm in _arms(results, seen))
    lifts, notes = _lifts(arms)
    graded = [one for one in seen if one.answers.held is not None]
    excuses = _excuses(results, graded)
    flags = _flags(results, graded)
    columns = _columns(arms, seen)
    total = tally(one.answers for one in seen)
    return Summary(
        verdict=_verdict(total, arms, lifts),
        total=total,
        arms=arms,
        lifts=lifts,
        notes=notes,
        columns=columns,
        matrix=_matrix(results, columns, seen),
        excuses=tuple(sorted((e for e in excuses if e.tempted), key=lambda e: -e.fell)),
        untempted=tuple(e.trap for e in excuses if not e.tempted),
        flags=tuple(sorted((f for f in flags if f.seen.count), key=lambda f: -f.seen.count)),
        unseen=tuple(f.flag for f in flags if not f.seen.count),
        checks=_checks(graded),
        behaviour=_behaviour(results, seen),
        ungraded={one.id: one.ungraded for one in seen if one.ungraded is not None},
    )


def _arms(results: Results, seen: Sequence[_Seen]) -> tuple[Arm, ...]:
    """The arms that were described and answered, then those that only answered, by name."""
    answered = {one.arm for one in seen}
    described = tuple(arm for arm in results.arms if arm.name in answered)
    names = {arm.name for arm in described}
    return described + tuple(Arm(name) for name in sorted(answered - names))


def _arm(arm: Arm, seen: Sequence[_Seen]) -> ArmSummary:
    by_task: dict[tuple[str, str], Tally] = defaultdict(Tally)
    by_scenario: dict[str, Tally] = defaultdict(Tally)
    for one in seen:
        if one.arm == arm.name:
            counted = tally([one.answers])
            by_task[one.scenario, one.submitter] += counted
            by_scenario[one.scenario] += counted
    return ArmSummary(
        arm=arm,
        total=sum(by_scenario.values(), start=Tally()),
        by_scenario=dict(by_scenario),
        pass_at=_pass_at(list(by_task.values())),
    )


def _changed(first: Arm, second: Arm) -> Literal["skill", "pressure", "arm"] | None:
    """What differs between two arms; ``None`` where skill and pressure both do."""
    skill = None not in (first.skill, second.skill) and first.skill != second.skill
    pressure = (
        None not in (first.pressured, second.pressured) and first.pressured != second.pressured
    )
    if skill and pressure:
        return None
    return "skill" if skill else "pressure" if pressure else "arm"


def _lifts(arms: Sequence[ArmSummary]) -> tuple[tuple[Lift, ...], tuple[str, ...]]:
    """Compare every two arms in ``held`` and ``right``; the second value says what could not."""
    lifts: list[Lift] = []
    notes: list[str] = []
    for first, second in combinations(arms, 2):
        changed = _changed(first.arm, second.arm)
        pair = f"“{first.arm.name}” and “{second.arm.name}”"
        if changed is None:
            notes.append(
                f"{pair} differ both in the skill and in the pressure, so they are not compared."
            )
            continue
        # The arm without the skill, or without the pressure, is what the other is held against.
        swap = (changed == "skill" and first.arm.skill) or (
            changed == "pressure" and first.arm.pressured
        )
        a, b = (second, first) if swap else (first, second)
        found = [
            lift(q, a.by_scenario, b.by_scenario, names=(a.arm.name, b.arm.name), changed=changed)
            for q in ("held", "right")
        ]
        lifts += [one for one in found if one is not None]
        if None in found:
            notes.append(f"{pair} have no graded scenario in common, so they are not compared.")
    order = ("skill", "pressure", "arm")
    return tuple(sorted(lifts, key=lambda one: order.index(one.changed))), tuple(notes)


def _columns(arms: Sequence[ArmSummary], seen: Sequence[_Seen]) -> tuple[Column, ...]:
    pairs = {(one.arm, one.submitter) for one in seen}
    return tuple(
        Column(one.arm.name, submitter)
        for one in arms
        for submitter in sorted(who for arm, who in pairs if arm == one.arm.name)
    )


def _matrix(
    results: Results, columns: Sequence[Column], seen: Sequence[_Seen]
) -> tuple[MatrixRow, ...]:
    cells: dict[tuple[str, str, str], list[Cell]] = defaultdict(list)
    for one in sorted(seen, key=lambda s: s.sample):
        cells[one.scenario, one.arm, one.submitter].append(
            Cell(one.id, one.place, one.answers, one.wall_s)
        )
    answered = {one.scenario for one in seen}
    return tuple(
        MatrixRow(scenario, tuple(tuple(cells[scenario.id, c.arm, c.submitter]) for c in columns))
        for scenario in results.scenarios
        if scenario.id in answered
    )


def _right_of(seen: Sequence[_Seen]) -> Share:
    return Share(sum(one.answers.right is True for one in seen), len(seen))


def _excuses(results: Results, graded: Sequence[_Seen]) -> tuple[ExcuseRow, ...]:
    known: dict[str, Trap] = {}
    for skill in results.skills:
        known |= {trap.id: trap for trap in skill.rationalizations if trap.id not in known}
    for scenario in results.scenarios:
        known |= {trap.id: trap for trap in scenario.traps if trap.id not in known}
    seen: dict[tuple[str, TrapState], list[_Seen]] = defaultdict(list)
    for one in graded:
        for trap_id, state in one.traps:
            seen[trap_id, state].append(one)
            known.setdefault(trap_id, Trap(trap_id, trap_id, "", ""))
    rows = []
    for trap in known.values():
        fell, resisted, silent = (seen[trap.id, state] for state in TrapState)
        rows.append(
            ExcuseRow(
                trap=trap,
                tempted=len(fell) + len(resisted) + len(silent),
                fell=len(fell),
                resisted=len(resisted),
                silent=len(silent),
                right_when_fell=_right_of(fell),
                right_when_resisted=_right_of(resisted),
            )
        )
    return tuple(rows)


def _flags(results: Results, graded: Sequence[_Seen]) -> tuple[FlagRow, ...]:
    skill_of = {scenario.id: scenario.skill for scenario in results.scenarios}
    rows = []
    for skill in results.skills:
        asked = [one for one in graded if skill_of[one.scenario] == skill.id]
        for flag in skill.red_flags:
            seen = [one for one in asked if flag.id in one.flags]
            without = [one for one in asked if flag.id not in one.flags]
            rows.append(
                FlagRow(flag, Share(len(seen), len(asked)), _right_of(seen), _right_of(without))
            )
    return tuple(rows)


def _checks(graded: Sequence[_Seen]) -> tuple[CheckRow, ...]:
    asked: dict[str, int] = defaultdict(int)
    failed: dict[str, int] = defaultdict(int)
    required: dict[str, int] = defaultdict(int)
    for one in graded:
        known = [found for found in one.checks if found[2] is not Outcome.UNGRADED]
        bad = [(check, needed) for check, needed, outcome in known if outcome is Outcome.FAILED]
        for check in {check for check, *_ in known}:
            asked[check] += 1
        for check in {check for check, _ in bad}:
            failed[check] += 1
        for check in {check for check, needed in bad if needed}:
            required[check] += 1
    rows = [CheckRow(c, Share(failed[c], asked[c]), required[c]) for c in sorted(asked)]
    return tuple(sorted(rows, key=lambda row: -row.failed.count))


def _behaviour(results: Results, seen: Sequence[_Seen]) -> tuple[BehaviourRow, ...]:
    """Per scenario and line, over all its submissions: rules judge those that failed as well."""
    rows = []
    for scenario in results.scenarios:
        here = [dict(one.behaviour) for one in seen if one.scenario == scenario.id]
        for expected in scenario.expected_behaviour if here else ():
            states = [one.get(expected, BehaviourState.NOT_JUDGED) for one in here]
            counts = [states.count(state) for state in BehaviourState]
            rows.append(BehaviourRow(scenario.id, expected, *counts))
    return tuple(rows)


def _verdict(total: Tally, arms: Sequence[ArmSummary], lifts: Sequence[Lift]) -> str:
    """The finding of the run in one sentence, no stronger than the numbers."""
    if not total.graded:
        waiting = _counted(total.ungraded, "submission")
        return (
            f"Nothing could be graded: {waiting} left ungraded."
            if total.ungraded
            else "Nothing was submitted."
        )
    held = [one for one in lifts if one.question == "held"]
    skill = next((one for one in held if one.changed == "skill"), None)
    chosen = skill or next(iter(held), None)
    if chosen is None:
        names = f" in the arm “{arms[0].arm.name}”" if len(arms) == 1 else ""
        return f"{total.held} of {_counted(total.graded, 'submission')} held{names}."
    what = "The skill" if skill else f"“{chosen.other}”"
    over = "" if skill else f" over “{chosen.reference}”"
    return (
        f"{what} {_leaning(chosen)}{over}: “{chosen.other}” held in {chosen.other_share.of}, "
        f"“{chosen.reference}” in {chosen.reference_share.of} "
        f"on the {_counted(chosen.scenarios, 'scenario')} that both answered."
    )


def _leaning(one: Lift) -> str:
    if one.difference == 0:
        return "shows no lift"
    if one.certain:
        return "helps, a clear lift" if one.difference > 0 else "harms, a clear loss"
    way = "lift" if one.difference > 0 else "loss"
    why = "too few scenarios" if one.scenarios < _FEWEST_SCENARIOS else "too little difference"
    return f"shows a {way}, with {why} to rule out chance"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


# --------------------------------------------------------------------------
# Gate


@dataclass(frozen=True)
class Gate:
    """Whether a run is good enough for its caller."""

    passed: bool
    held: Share
    # One sentence for the terminal.
    message: str


def gate(summary: Summary, fail_under: float | None) -> Gate:
    """Hold the share of submissions that held, in percent, against ``fail_under``.

    Where nothing was graded the gate fails: an absence of results is never a pass.
    """
    held = summary.total.share("held")
    if fail_under is None:
        return Gate(True, held, "no gate was set")
    if not 0 <= fail_under <= 100:
        raise UsageError(
            f"--fail-under: expected a percentage from 0 to 100, found {fail_under:g}. "
            "Give the least share of submissions that must hold, e.g. --fail-under 80."
        )
    if not held.n:
        return Gate(False, held, f"gate failed: nothing was graded, {fail_under:g} % is asked for")
    passed = 100 * held.count >= fail_under * held.n
    word = "passed" if passed else "failed"
    return Gate(passed, held, f"gate {word}: {held} held, {fail_under:g} % is asked for")

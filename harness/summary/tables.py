"""What a report shows of many records, row by row, worked out in one pass."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any, TypeVar

from harness.grading import behaviour
from harness.model import (
    Answers,
    Arm,
    BehaviourState,
    Guide,
    Outcome,
    ReadBy,
    RedFlag,
    ReplyLabel,
    Results,
    Scenario,
    Trap,
    TrapFinding,
    TrapState,
)
from harness.summary.agreement import Agreement, agreement
from harness.summary.decision import Decision, decide
from harness.summary.doses import DoseCurve, DosedAnswer, DoseRow, dose_curves, dose_rows
from harness.summary.effects import Effect, effects
from harness.summary.evidence import Evidence
from harness.summary.numbers import (
    ArmSummary,
    Corrected,
    Share,
    Tally,
    corrected,
    counted,
    pass_at,
    prediction_powered,
    tally,
)
from harness.summary.sentences import verdict_sentence
from harness.words.rates import measured

_T = TypeVar("_T")


# So many of the words behind one number are shown with it.
MOST_QUOTES = 5


@dataclass(frozen=True)
class Quoted:
    """Words of one submission that make or answer an excuse."""

    # Id of the submission.
    id: str
    found: TrapFinding


@dataclass(frozen=True)
class ExcuseCounts:
    """What graded submissions did with one rationalization, and what the code was worth then."""

    # Those whose scenario tempts into it.
    tempted: int
    # Made and borne out by what was done, and made in words alone.
    upheld: int
    said: int
    answered: int
    # Of those that made it, and of those that answered it, how many were right.
    right_when_made: Share
    right_when_answered: Share
    # The first few words behind ``upheld``, ``said`` and ``answered``.
    quotes: tuple[Quoted, ...]

    @property
    def silent(self) -> int:
        """Those whose words do nothing with it."""
        return self.tempted - self.upheld - self.said - self.answered


@dataclass(frozen=True)
class ExcuseRow:
    """One rationalization, in the arms that are conditions and per arm that was tempted into it.

    What is no condition is never pooled with what is; where no arm is one, all are pooled.
    """

    trap: Trap
    total: ExcuseCounts
    arms: Mapping[str, ExcuseCounts]


@dataclass(frozen=True)
class ReaderRow:
    """One reader of words, and how far it can be trusted."""

    # As in ``ReadBy``.
    reader: str
    # Graded replies that it read, of those whose scenario tempts into an excuse.
    replies: int
    # Findings that did not count, for want of words of the reply.
    dropped: int
    # Why it read replies that a language model was asked about, with counts, most frequent first.
    instead: tuple[tuple[str, int], ...]
    # Of labelled replies that make an excuse, and of those that make none, how many it says make
    # one; ``None`` where it was not measured on the excuses of the run.
    sensitivity: Share | None
    false_positives: Share | None


@dataclass(frozen=True)
class WordsRow:
    """How many replies of an arm make an excuse, as read and corrected for the reader's errors."""

    arm: str
    reader: str
    # Of the graded replies that it read and whose scenario tempts into any.
    made: Share
    # ``None`` where the reader was not measured and no reply is labelled.
    corrected: Corrected | None


@dataclass(frozen=True)
class FlagCounts:
    """How often one red flag was seen, and what the code was worth with and without it."""

    # Of the graded submissions to a scenario of the flag's skill in which it could be looked for.
    seen: Share
    # Why it could not be looked for in the others, each with how many; the most frequent first.
    unlooked: tuple[tuple[str, int], ...]
    right_when_seen: Share
    right_otherwise: Share
    # Ids of the first few in which it was seen.
    shown_by: tuple[str, ...]


@dataclass(frozen=True)
class FlagRow(FlagCounts):
    """One red flag in the arms that are conditions, and per arm that was asked."""

    flag: RedFlag
    arms: Mapping[str, FlagCounts]


@dataclass(frozen=True)
class CheckCounts:
    """What one kind of check found, counted in graded submissions."""

    # Submissions in which it ran and came to a result, and failed at least once.
    failed: Share
    # Submissions in which a required one failed.
    failed_required: int
    # Ids of the first few in which it failed.
    shown_by: tuple[str, ...]


@dataclass(frozen=True)
class CheckRow(CheckCounts):
    """One kind of check in the arms that are conditions, and per arm in which it ran."""

    check: str
    arms: Mapping[str, CheckCounts]


@dataclass(frozen=True)
class BehaviourCounts:
    """How often one line of expected behaviour was met."""

    met: int
    not_met: int
    # Neither evidence nor a reader could tell; and nobody read who could.
    not_judged: int
    not_read: int
    # Of those met or not met, how many were decided by a reader, not by evidence.
    by_reader: int
    # Ids of the first few that did not meet it.
    shown_by: tuple[str, ...]

    @property
    def n(self) -> int:
        """Submissions to the scenario."""
        return self.met + self.not_met + self.not_judged + self.not_read


@dataclass(frozen=True)
class BehaviourRow(BehaviourCounts):
    """One line of expected behaviour in the arms that are conditions, and per arm."""

    scenario: str
    expected: str
    arms: Mapping[str, BehaviourCounts]


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
    # Of the arms that are conditions, on all scenarios of the run.
    effects: tuple[Effect, ...]
    # One per skill whose scenarios were answered with it or without.
    decisions: tuple[Decision, ...]
    # What a reader of the comparisons must know.
    notes: tuple[str, ...]
    columns: tuple[Column, ...]
    matrix: tuple[MatrixRow, ...]
    excuses: tuple[ExcuseRow, ...]
    readers: tuple[ReaderRow, ...]
    words: tuple[WordsRow, ...]
    # Rationalizations of the skills that no request of this run tempts into.
    untempted: tuple[Trap, ...]
    flags: tuple[FlagRow, ...]
    # Those that were looked for in some answers and seen in none, and those that could be looked
    # for in none.
    unseen: tuple[FlagRow, ...]
    unlooked: tuple[FlagRow, ...]
    checks: tuple[CheckRow, ...]
    behaviour: tuple[BehaviourRow, ...]
    # A reader and evidence, on the lines that both decided; ``None`` where no reader decided any.
    agreement: Agreement | None
    # Submission -> why it could not be graded, in order.
    ungraded: Mapping[str, str]
    # What held at which dose of pressure, in arms that are conditions.
    doses: tuple[DoseRow, ...]
    curves: tuple[DoseCurve, ...]

    @property
    def pooled(self) -> Tally:
        """What the arms that are conditions add up to; of all arms where none is."""
        some = [one.total for one in self.arms if one.arm.is_condition]
        return sum(some, start=Tally()) if some else self.total


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the tables count of one record, which may itself hold pages of evidence."""

    place: int
    id: str
    sample: int
    sha256: str
    scenario: str
    arm: str
    submitter: str
    answers: Answers
    wall_s: float
    # Why it could not be graded.
    ungraded: str | None
    traps: tuple[TrapFinding, ...]
    flags: frozenset[str]
    # Red flags that could not be looked for, with the reason.
    unlooked: frozenset[tuple[str, str]]
    # Kind of a check, whether it was required, and what came of it.
    checks: frozenset[tuple[str, bool, Outcome]]
    # Per line its state, what evidence says and what a reader says.
    behaviour: tuple[tuple[str, BehaviourState, bool | None, bool | None], ...]
    read_by: ReadBy
    # Whether it makes an excuse, by a person's label; ``None`` where there is none.
    labelled: bool | None
    # Faults that its own tests noticed, and those that were tried.
    faults: tuple[int, int]

    @property
    def tally(self) -> Tally:
        """It alone, counted."""
        counted = tally([self.answers])
        if not counted.graded:
            return counted
        noticed, tried = self.faults
        return counted + Tally(faults_tried=tried, faults_noticed=noticed, tested=int(tried > 0))


def _see(results: Results, labels: Sequence[ReplyLabel]) -> list[_Seen]:
    """One pass over the records, none of which is kept; equal values are kept once."""
    scenarios = {scenario.id: scenario for scenario in results.scenarios}
    labelled = {(one.scenario, one.sha256): one.makes_excuse for one in labels}
    kept: dict[Any, Any] = {}

    def once(value: _T) -> _T:
        same: _T = kept.setdefault(value, value)
        return same

    return [
        _Seen(
            place,
            record.id,
            record.sample,
            record.sha256,
            once(record.scenario),
            once(record.arm),
            once(record.submitter),
            once(record.answers(scenario.verification)),
            record.wall_s,
            record.reason if record.outcome is Outcome.UNGRADED else None,
            once(record.traps),
            once(frozenset(found.flag for found in record.red_flags)),
            once(frozenset((one.flag, one.why) for one in record.unlooked)),
            once(frozenset((f.check, f.required, f.outcome) for f in record.findings)),
            once(
                tuple(
                    (b.expected, b.state, b.by_evidence, b.opinion.met if b.opinion else None)
                    for b in behaviour.lines(record, scenario)
                )
            ),
            once(record.read_by),
            labelled.get((record.scenario, record.sha256)),
            once((record.faults_noticed, record.faults_tried)),
        )
        for place, record in enumerate(results.records)
        for scenario in [scenarios[record.scenario]]
    ]


def summarise(results: Results, labels: Sequence[ReplyLabel] = ()) -> Summary:
    """Work out every number of ``results``; ``labels`` correct the shares that rest on words."""
    seen = _see(results, labels)
    arms = tuple(_arm(arm, seen) for arm in _arms(results, seen))
    evidence = _evidence(arms, seen)
    found = effects(evidence.arms, evidence.cells, evidence.identical)
    graded = [one for one in seen if one.answers.held is not None]
    pooled = {one.arm.name for one in arms if one.arm.is_condition}
    pooled = pooled or {one.arm.name for one in arms}
    excuses = _excuses(results, pooled, graded)
    flags = _flags(results, pooled, graded)
    columns = _columns(arms, seen)
    total = sum((one.tally for one in seen), start=Tally())
    dosed = _dosed(arms, graded)
    return Summary(
        verdict=verdict_sentence(total, arms, found),
        total=total,
        arms=arms,
        effects=found,
        decisions=decide(results, evidence),
        notes=tuple(_notes(evidence)),
        columns=columns,
        matrix=_matrix(results, columns, seen),
        excuses=tuple(sorted((e for e in excuses if e.arms), key=_most_made)),
        readers=_readers(graded),
        words=_words(arms, graded),
        untempted=tuple(e.trap for e in excuses if not e.arms),
        flags=tuple(sorted(filter(_was_seen, flags), key=lambda f: -f.seen.count)),
        unseen=tuple(f for f in flags if _was_looked_for(f) and not _was_seen(f)),
        unlooked=tuple(f for f in flags if not _was_looked_for(f)),
        checks=_checks(pooled, graded),
        behaviour=_behaviour(results, pooled, seen),
        agreement=_agreement(seen),
        ungraded={one.id: one.ungraded for one in seen if one.ungraded is not None},
        doses=dose_rows(dosed),
        curves=dose_curves(dosed, results.scenarios),
    )


def _dosed(arms: Sequence[ArmSummary], graded: Sequence[_Seen]) -> list[DosedAnswer]:
    by_name = {one.arm.name: one.arm for one in arms}
    return [
        DosedAnswer(
            one.scenario, one.submitter, one.sample, arm.guide, arm.dose, one.answers.held is True
        )
        for one in graded
        for arm in [by_name[one.arm]]
        if arm.guide is not None and arm.dose is not None
    ]


def _arms(results: Results, seen: Sequence[_Seen]) -> tuple[Arm, ...]:
    """Conditions first; of each kind those that were described, then the others by name."""
    answered = {one.arm for one in seen}
    described = tuple(arm for arm in results.arms if arm.name in answered)
    names = {arm.name for arm in described}
    arms = described + tuple(Arm(name) for name in sorted(answered - names))
    return tuple(sorted(arms, key=lambda arm: not arm.is_condition))


def _arm(arm: Arm, seen: Sequence[_Seen]) -> ArmSummary:
    by_task: dict[tuple[str, str], Tally] = defaultdict(Tally)
    by_scenario: dict[str, Tally] = defaultdict(Tally)
    for one in seen:
        if one.arm == arm.name:
            by_task[one.scenario, one.submitter] += one.tally
            by_scenario[one.scenario] += one.tally
    return ArmSummary(
        arm=arm,
        total=sum(by_scenario.values(), start=Tally()),
        by_scenario=dict(by_scenario),
        pass_at=pass_at(list(by_task.values())),
    )


def _evidence(arms: Sequence[ArmSummary], seen: Sequence[_Seen]) -> Evidence:
    """What is compared: distinct, graded replies of conditions."""
    conditions = {one.arm.name: one.arm for one in arms if one.arm.is_condition}
    cells: dict[str, dict[tuple[str, str], Tally]] = {
        name: defaultdict(Tally) for name in conditions
    }
    identical: dict[str, dict[str, str]] = {name: {} for name in conditions}
    known: set[tuple[str, str, str]] = set()
    broken = []
    places: dict[tuple[str, str], int] = {}
    for one in seen:
        if one.arm not in cells or one.answers.held is None:
            continue
        if not one.answers.held and conditions[one.arm].guide is Guide.WITH:
            broken.append((one.scenario, one.place))
        same = (one.arm, one.scenario, one.sha256)
        if same in known:
            identical[one.arm][one.id] = one.scenario
        else:
            known.add(same)
            cells[one.arm][one.scenario, one.submitter] += one.tally
            places.setdefault((one.arm, one.scenario), one.place)
    held = {one.scenario for one in seen if one.answers.held}
    return Evidence(tuple(conditions.values()), cells, identical, broken, places, held)


def _notes(evidence: Evidence) -> Iterator[str]:
    """What a reader of the comparisons must know."""
    same = sum(map(len, evidence.identical.values()))
    if same:
        yield (
            f"{counted(same, 'reply', 'replies')} said the same, word for word, as another of the "
            "same scenario and arm; in comparisons such replies count once."
        )
    for _, some in groupby(sorted(evidence.arms, key=_condition), key=_condition):
        first, *others = (f"“{arm.name}”" for arm in some)
        if others:
            yield (
                f"{first} and {', '.join(others)} are the same condition; the decision rests on "
                f"{first}."
            )


def _condition(arm: Arm) -> tuple[str, int]:
    assert arm.guide is not None, "only conditions are compared"
    assert arm.dose is not None, "only conditions are compared"
    return arm.guide.value, arm.dose.value


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


def _excuses(results: Results, pooled: Set[str], graded: Sequence[_Seen]) -> tuple[ExcuseRow, ...]:
    known: dict[str, Trap] = {}
    for skill in results.skills:
        known |= {trap.id: trap for trap in skill.rationalizations if trap.id not in known}
    answered = {one.scenario for one in graded}
    for scenario in results.scenarios:
        if scenario.id in answered:
            known |= {trap.id: trap for trap in scenario.traps if trap.id not in known}
    seen: dict[str, list[tuple[_Seen, TrapFinding]]] = defaultdict(list)
    for one in graded:
        for found in one.traps:
            seen[found.trap].append((one, found))
            known.setdefault(found.trap, Trap(found.trap, found.trap, "", ""))
    rows = []
    for trap in known.values():
        by_arm: dict[str, list[tuple[_Seen, TrapFinding]]] = defaultdict(list)
        for pair in seen[trap.id]:
            by_arm[pair[0].arm].append(pair)
        arms = {arm: _counts(pairs) for arm, pairs in by_arm.items()}
        total = [pair for pair in seen[trap.id] if pair[0].arm in pooled]
        rows.append(ExcuseRow(trap, _counts(total), arms))
    return tuple(rows)


def _readers(graded: Sequence[_Seen]) -> tuple[ReaderRow, ...]:
    """Those that read replies with excuses to look for, by how many they read."""
    by_name: dict[str, list[_Seen]] = defaultdict(list)
    for one in graded:
        if one.traps:
            by_name[one.read_by.reader].append(one)
    rows = []
    for reader, read in sorted(by_name.items(), key=lambda pair: -len(pair[1])):
        rates = measured().get(reader)
        looked_for = {found.trap for one in read for found in one.traps}
        known = rates is not None and looked_for <= set(rates.excuses)
        instead = Counter(one.read_by.unread for one in read if one.read_by.unread)
        rows.append(
            ReaderRow(
                reader,
                len(read),
                sum(one.read_by.dropped for one in read),
                tuple(instead.most_common()),
                Share(rates.giving_in_found, rates.giving_in) if rates and known else None,
                Share(rates.good_found, rates.good) if rates and known else None,
            )
        )
    return tuple(rows)


def _words(arms: Sequence[ArmSummary], graded: Sequence[_Seen]) -> tuple[WordsRow, ...]:
    rows = []
    for arm in arms:
        mine = [one for one in graded if one.traps and one.arm == arm.arm.name]
        for reader in _readers(mine):
            read = [one for one in mine if one.read_by.reader == reader.reader]
            rows.append(
                WordsRow(arm.arm.name, reader.reader, _made(read), _corrected(read, reader))
            )
    return tuple(rows)


def _made(read: Sequence[_Seen]) -> Share:
    return Share(sum(map(_makes_excuse, read)), len(read))


def _makes_excuse(one: _Seen) -> bool:
    """Whether its reader says that it makes an excuse."""
    return any(found.state is TrapState.MADE for found in one.traps)


def _corrected(read: Sequence[_Seen], reader: ReaderRow) -> Corrected | None:
    """By labels where there are any, else by the rates that were measured of the reader."""
    labelled = [(_makes_excuse(one), one.labelled) for one in read if one.labelled is not None]
    if labelled:
        return prediction_powered(_made([one for one in read if one.labelled is None]), labelled)
    if reader.sensitivity is None or reader.false_positives is None:
        return None
    return corrected(_made(read), reader.sensitivity, reader.false_positives)


def _counts(pairs: Sequence[tuple[_Seen, TrapFinding]]) -> ExcuseCounts:
    made = [(one, found) for one, found in pairs if found.state is TrapState.MADE]
    upheld = [(one, found) for one, found in made if found.upheld]
    said = [(one, found) for one, found in made if not found.upheld]
    answered = [(one, found) for one, found in pairs if found.state is TrapState.ANSWERED]
    return ExcuseCounts(
        tempted=len(pairs),
        upheld=len(upheld),
        said=len(said),
        answered=len(answered),
        right_when_made=_right_of([one for one, _ in made]),
        right_when_answered=_right_of([one for one, _ in answered]),
        quotes=tuple(
            Quoted(one.id, found)
            for some in (upheld, said, answered)
            for one, found in some[:MOST_QUOTES]
        ),
    )


def _most_made(row: ExcuseRow) -> tuple[int, int]:
    return -row.total.upheld, -row.total.said


def _by_arm(seen: Sequence[_Seen]) -> dict[str, list[_Seen]]:
    some: dict[str, list[_Seen]] = defaultdict(list)
    for one in seen:
        some[one.arm].append(one)
    return some


def _ids(seen: Iterable[_Seen]) -> tuple[str, ...]:
    return tuple(one.id for one in islice(seen, MOST_QUOTES))


def _flags(results: Results, pooled: Set[str], graded: Sequence[_Seen]) -> tuple[FlagRow, ...]:
    skill_of = {scenario.id: scenario.skill for scenario in results.scenarios}
    rows = []
    for skill in results.skills:
        asked = [one for one in graded if skill_of[one.scenario] == skill.id]
        for flag in skill.red_flags:
            arms = {arm: _flag(flag, some) for arm, some in _by_arm(asked).items()}
            total = _flag(flag, [one for one in asked if one.arm in pooled])
            rows.append(FlagRow(**vars(total), flag=flag, arms=arms))
    return tuple(rows)


def _was_seen(row: FlagRow) -> bool:
    return any(counts.seen.count for counts in row.arms.values())


def _was_looked_for(row: FlagRow) -> bool:
    return any(counts.seen.n for counts in row.arms.values())


def _flag(flag: RedFlag, asked: Sequence[_Seen]) -> FlagCounts:
    why = Counter(why for one in asked for name, why in one.unlooked if name == flag.id)
    looked = [one for one in asked if all(name != flag.id for name, _ in one.unlooked)]
    seen = [one for one in looked if flag.id in one.flags]
    without = [one for one in looked if flag.id not in one.flags]
    return FlagCounts(
        Share(len(seen), len(looked)),
        tuple(why.most_common()),
        _right_of(seen),
        _right_of(without),
        _ids(seen),
    )


def _checks(pooled: Set[str], graded: Sequence[_Seen]) -> tuple[CheckRow, ...]:
    rows = []
    for check in sorted({check for one in graded for check, *_ in one.checks}):
        arms = {arm: _check(check, some) for arm, some in _by_arm(graded).items()}
        arms = {arm: counts for arm, counts in arms.items() if counts.failed.n}
        if arms:
            total = _check(check, [one for one in graded if one.arm in pooled])
            rows.append(CheckRow(**vars(total), check=check, arms=arms))
    return tuple(sorted(rows, key=lambda row: -row.failed.count))


def _check(check: str, graded: Sequence[_Seen]) -> CheckCounts:
    ran = [
        (one, {(needed, outcome) for name, needed, outcome in one.checks if name == check})
        for one in graded
    ]
    known = [(one, {o for o in found if o[1] is not Outcome.UNGRADED}) for one, found in ran]
    failed = [
        (one, {needed for needed, outcome in found if outcome is Outcome.FAILED})
        for one, found in known
        if found
    ]
    return CheckCounts(
        Share(sum(bool(weights) for _, weights in failed), len(failed)),
        sum(True in weights for _, weights in failed),
        _ids(one for one, weights in failed if weights),
    )


def _behaviour(
    results: Results, pooled: Set[str], seen: Sequence[_Seen]
) -> tuple[BehaviourRow, ...]:
    """Per scenario and line, over all its submissions: those that failed are judged as well."""
    rows = []
    for scenario in results.scenarios:
        here = [one for one in seen if one.scenario == scenario.id]
        for expected in scenario.expected_behaviour if here else ():
            arms = {arm: _line(expected, some) for arm, some in _by_arm(here).items()}
            total = _line(expected, [one for one in here if one.arm in pooled])
            rows.append(
                BehaviourRow(**vars(total), scenario=scenario.id, expected=expected, arms=arms)
            )
    return tuple(rows)


def _line(expected: str, seen: Sequence[_Seen]) -> BehaviourCounts:
    silent = (expected, BehaviourState.NOT_JUDGED, None, None)
    found = [
        (one, *next((line for line in one.behaviour if line[0] == expected), silent)[1:3])
        for one in seen
    ]
    states = [state for _, state, _ in found]
    decided = (BehaviourState.MET, BehaviourState.NOT_MET)
    by_reader = sum(state in decided and proof is None for _, state, proof in found)
    not_met = _ids(one for one, state, _ in found if state is BehaviourState.NOT_MET)
    return BehaviourCounts(
        met=states.count(BehaviourState.MET),
        not_met=states.count(BehaviourState.NOT_MET),
        not_judged=states.count(BehaviourState.NOT_JUDGED),
        not_read=states.count(BehaviourState.NOT_READ),
        by_reader=by_reader,
        shown_by=not_met,
    )


def _agreement(seen: Sequence[_Seen]) -> Agreement | None:
    """``None`` where no reader said anything."""
    said = [
        (opinion, proof)
        for one in seen
        for _, _, proof, opinion in one.behaviour
        if opinion is not None
    ]
    pairs = [(opinion, proof) for opinion, proof in said if proof is not None]
    return agreement(pairs) if said else None

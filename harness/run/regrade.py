"""Old results judged again by today's words, or by another reader of words.

No code runs. What was measured (findings, how far a submission verified itself) stays as it was
stored; what is read from words and source (traps, red flags) is read anew, the scenario says anew
what it asks for, and verdicts and expected behaviour follow from both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness import checks, flags
from harness.code import analyse, source_of
from harness.errors import UsageError
from harness.grading.load import LOADS, not_loaded
from harness.grading.verdict import judged
from harness.model import (
    FLAGS,
    Finding,
    Grade,
    Outcome,
    Record,
    RedFlagFinding,
    Results,
    Scenario,
    Skill,
    Submission,
    TrapFinding,
    Verification,
)
from harness.run.spool import Spool
from harness.words import Reader, read_words

_NEW = (
    "This check was not asked for when the submission was graded; run `harness run` to ask it now."
)


@dataclass(frozen=True)
class RegradedVerdict:
    """What regrading changed about one submission."""

    id: str
    # Sentences such as ``no-time: silent → made``; empty where nothing changed.
    what: tuple[str, ...]


@dataclass(frozen=True)
class Regraded:
    """The new results and what is different in them."""

    results: Results
    changes: tuple[RegradedVerdict, ...]


def regrade(
    results: Results,
    scenarios: Sequence[Scenario],
    skills: Sequence[Skill],
    reader: Reader = read_words,
    folder: Path | None = None,
) -> Regraded:
    """``results`` judged again by ``scenarios``, their words read by ``reader``.

    The new records lie in ``folder``, in a file without a name: see ``Spool``.
    Raises ``UsageError`` where a scenario of the results is not among them.
    """
    used = used_by(results, scenarios)
    records: Spool[Record] = Spool(folder)
    changes = []
    for old, new in _regraded(results, used, reader):
        records.append(new)
        if what := _changes(old, new):
            changes.append(RegradedVerdict(new.id, what))
    judged_anew = replace(results, records=records, scenarios=used, skills=tuple(skills))
    return Regraded(judged_anew, tuple(changes))


def reread(results: Results, reader: Reader, folder: Path | None = None) -> Results:
    """``results`` with their words read by ``reader``; the new records lie in ``folder``."""
    return regrade(results, results.scenarios, results.skills, reader, folder).results


def used_by(results: Results, scenarios: Sequence[Scenario]) -> tuple[Scenario, ...]:
    """Those of ``scenarios`` that the results hold answers to.

    Raises ``UsageError`` where one is not among them.
    """
    known = {scenario.id: scenario for scenario in scenarios}
    used = [scenario.id for scenario in results.scenarios]
    missing = [name for name in used if name not in known]
    if missing:
        raise UsageError(
            f"the results hold answers to {', '.join(missing)}, and the scenarios given have only "
            f"{', '.join(sorted(known)) or 'none'}; name the folder that has them with --scenarios"
        )
    return tuple(known[name] for name in used)


def _regraded(
    results: Results, scenarios: Sequence[Scenario], reader: Reader
) -> Iterator[tuple[Record, Record]]:
    """Every record as it was and as it is now."""
    known = {scenario.id: scenario for scenario in scenarios}
    asked = {name: _asked(scenario) for name, scenario in known.items()}
    before = {scenario.id: scenario for scenario in results.scenarios}
    sent = {submission.id: place for place, submission in enumerate(results.submissions)}
    for record in results.records:
        submission = results.submissions[sent[record.id]]
        name = record.scenario
        yield (
            record,
            regrade_one(record, submission, known[name], asked[name], reader, before[name]),
        )


def regrade_one(
    record: Record,
    submission: Submission,
    scenario: Scenario,
    asked: Mapping[tuple[str, str], bool] | None = None,
    reader: Reader = read_words,
    before: Scenario | None = None,
) -> Record:
    """One record judged again; ``asked`` says of each check and entry point if it is required.

    ``before`` is the scenario as it was when the record was made, where that is another one.
    """
    asked = _asked(scenario) if asked is None else asked
    # Which was written before which was seen then, in steps that are not stored.
    batched = bool(record.events) and any(flag.flag == "batched" for flag in record.red_flags)
    verified = Verification(
        record.verification,
        record.verification_reason,
        None,
        record.claims,
        record.events,
        batched or None,
        record.faults_tried,
        record.faults_noticed,
    )
    read = source_of(submission) or analyse("")
    failed_by_us = record.outcome is Outcome.UNGRADED and not record.findings
    findings = record.findings if failed_by_us else _required_as(asked, record.findings)
    if record.outcome is Outcome.DECLINED:
        # As it was before its words were read.
        findings = (not_loaded(submission.problem or "There is no code."),)
    grade = judged(submission, scenario, read, findings, verified, record.wall_s, reader)
    if any(f.outcome is Outcome.FAILED and f.fault is None for f in findings):
        # A file of an earlier version does not say what these flags are raised by.
        grade = replace(
            grade, red_flags=_with_measured(grade.red_flags, record.red_flags, scenario)
        )
    grade = _with_unlooked(grade, record, scenario if before is None else before, scenario)
    return Record.of(record, replace(grade, reason=record.reason) if failed_by_us else grade)


def _with_measured(
    new: Sequence[RedFlagFinding], old: Sequence[RedFlagFinding], scenario: Scenario
) -> tuple[RedFlagFinding, ...]:
    """``new`` with those of ``old`` that only a measurement can raise."""
    raised = {flag.flag for flag in new}
    kept = [flag for flag in old if flag.flag in flags.MEASURED and flag.flag not in raised]
    return _in_order((*new, *kept), scenario)


def _in_order(raised: Iterable[RedFlagFinding], scenario: Scenario) -> tuple[RedFlagFinding, ...]:
    order = FLAGS if scenario.flags is None else tuple(scenario.flags)
    known = [flag for flag in raised if flag.flag in order]
    return tuple(sorted(known, key=lambda flag: (order.index(flag.flag), flag.line)))


def _with_unlooked(new: Grade, old: Grade, before: Scenario, now: Scenario) -> Grade:
    """``new`` with the red flags of ``old`` that need steps, which are not stored.

    They stay as they were found then, where their detectors are the same.
    """
    same = {
        name
        for name, detectors in (now.flags or {}).items()
        if detectors and (before.flags or {}).get(name) == detectors
    }
    kept = same & {one.flag for one in new.unlooked}
    raised = _in_order((*new.red_flags, *(f for f in old.red_flags if f.flag in kept)), now)
    unlooked = [one for one in new.unlooked if one.flag not in kept]
    unlooked += [one for one in old.unlooked if one.flag in kept]
    return replace(new, red_flags=raised, unlooked=tuple(unlooked))


def _asked(scenario: Scenario) -> dict[tuple[str, str], bool]:
    """Every check the scenario makes, by kind and entry point, and whether it is required."""
    found: dict[tuple[str, str], bool] = {}
    for spec in scenario.checks:
        check, entries = checks.build(spec, scenario)
        for entry in entries:
            key = check.kind, entry.name
            found[key] = found.get(key, False) or spec.required
    return found


def _required_as(
    asked: Mapping[tuple[str, str], bool], findings: Sequence[Finding]
) -> tuple[Finding, ...]:
    """The stored findings, required as the scenario now says, and what it now asks beside them."""
    kept: list[Finding] = []
    for finding in findings:
        if finding.check == LOADS or finding.entry_point is None:
            kept.append(finding)
        elif (finding.check, finding.entry_point) in asked:
            required = asked[finding.check, finding.entry_point]
            kept.append(replace(finding, required=required))
    there = {(finding.check, finding.entry_point) for finding in kept}
    unusable = {f.entry_point for f in kept if f.check == LOADS and f.outcome is Outcome.FAILED}
    for (kind, name), required in asked.items():
        # What does not load was never asked anything.
        if (kind, name) not in there and name not in unusable and None not in unusable:
            kept.append(Finding(kind, name, required, Outcome.UNGRADED, _NEW))
    return tuple(kept)


def _changes(old: Record, new: Record) -> tuple[str, ...]:
    said: list[str] = []
    if old.outcome is not new.outcome:
        said.append(f"{old.outcome} → {new.outcome}")
    if old.held is not new.held:
        said.append(f"held: {_shown(old.held)} → {_shown(new.held)}")
    before = {trap.trap: _of_excuse(trap) for trap in old.traps}
    after = {trap.trap: _of_excuse(trap) for trap in new.traps}
    for name in dict.fromkeys([*before, *after]):
        was, now = before.get(name, "not asked"), after.get(name, "not asked")
        if was != now:
            said.append(f"{name}: {was} → {now}")
    told = {line.expected: line.state for line in old.behaviour}
    said += [
        f"“{line.expected}”: {told[line.expected]} → {line.state}"
        for line in new.behaviour
        if told.get(line.expected, line.state) is not line.state
    ]
    flagged = {flag.flag for flag in old.red_flags}
    flags = {flag.flag for flag in new.red_flags}
    said += [f"red flag {name} gone" for name in sorted(flagged - flags)]
    said += [f"red flag {name} new" for name in sorted(flags - flagged)]
    if said and old.read_by != new.read_by:  # who read it is no verdict
        unread = f" ({new.read_by.unread})" if new.read_by.unread else ""
        said.append(f"read by {new.read_by.reader}{unread}")
    return tuple(said)


def _of_excuse(found: TrapFinding) -> str:
    return "upheld" if found.upheld else found.state.value


def _shown(held: bool | None) -> str:
    return {True: "yes", False: "no", None: "ungraded"}[held]

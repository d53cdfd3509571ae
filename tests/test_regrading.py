"""Changed words change old verdicts, and nothing that was measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness import results, verification
from harness.checks import build
from harness.cli import main
from harness.code import source_of
from harness.errors import UsageError
from harness.grading.verdict import judged
from harness.model import (
    CheckSpec,
    Event,
    EventKind,
    Finding,
    Level,
    Outcome,
    Record,
    RedFlagFinding,
    Results,
    Rule,
    RunInfo,
    SandboxInfo,
    Scenario,
    Submission,
    TrapFinding,
    TrapState,
    Verification,
)
from harness.read.scenarios import Library
from harness.read.submissions import discover
from harness.run.regrade import regrade, regrade_one

ROOT = Path(__file__).parent.parent
SCENARIO = "layer-norm"


def sent(library: Library, arm: str) -> Submission:
    names = {s.id: tuple(e.name for e in s.entry_points) for s in library.scenarios}
    found = discover([ROOT / "solutions" / arm], names)
    return next(s for s in found if s.scenario == SCENARIO)


def passing(scenario: Scenario) -> tuple[Finding, ...]:
    """What a right answer's findings are."""
    return (
        Finding("loads", scenario.entry_points[0].name, True, Outcome.PASSED, "It is defined."),
        *(
            Finding(check.kind, entry.name, spec.required, Outcome.PASSED, "As it should be.")
            for spec in scenario.checks
            for check, entries in [build(spec, scenario)]
            for entry in entries
        ),
    )


def graded(submission: Submission, scenario: Scenario, reached: Level) -> Record:
    read = source_of(submission)
    assert read is not None
    found = verification.judge(submission, scenario, read, None)
    level = Verification(reached, found.reason)
    made = judged(submission, scenario, read, passing(scenario), level, 1.25)
    return Record.of(submission, made)


# Traps of layer-norm that an answer which verified less than each Function gives in to.
STRICT = (Rule("verified", "ran_each"),)


def run_of(
    library: Library, *arms: str, reached: Level = Level.RAN_EACH, strict: bool = False
) -> Results:
    scenario = library.scenario(SCENARIO)
    if strict:
        traps = tuple(replace(trap, upheld_by=STRICT) for trap in scenario.traps)
        scenario = replace(scenario, traps=traps)
    submissions = tuple(sent(library, arm) for arm in arms)
    return Results(
        RunInfo(7, "2026-01-01T00:00:00+00:00", 1.0,
                {"harness": "1", "torch": "2", "python": "3"}, SandboxInfo("A", ("landlock",))),
        tuple(graded(submission, scenario, reached) for submission in submissions),
        (),
        library.skills,
        (scenario,),
        submissions,
    )  # fmt: skip


def changed(library: Library, **values: object) -> list[Scenario]:
    return [replace(library.scenario(SCENARIO), **values)]  # type: ignore[arg-type]


def test_the_same_words_change_nothing(library: Library) -> None:
    old = run_of(library, "skill", "agreeable")
    again = regrade(old, library.scenarios, library.skills)
    assert again.changes == ()
    assert again.results == old


def test_a_new_phrasing_is_found_in_old_answers_and_changes_held(library: Library) -> None:
    old = run_of(library, "skill", reached=Level.RAN)
    assert old.records[0].held
    # One that the weights do not know, so that phrasings alone decide.
    row = library.scenario(SCENARIO).traps[0]
    trap = replace(row, id="of-its-own", phrasings=("here it is",), answers=())
    again = regrade(old, changed(library, traps=(trap,)), library.skills)
    assert again.results.records[0].traps[0].state is TrapState.MADE
    assert again.results.records[0].held, "no act bears it out"
    trap = replace(trap, upheld_by=STRICT)
    again = regrade(old, changed(library, traps=(trap,)), library.skills)
    (record,) = again.results.records
    assert record.traps[0].state is TrapState.MADE
    assert record.traps[0].quote is not None
    assert record.traps[0].quote in old.submissions[0].text
    assert record.held is False
    assert record.findings == old.records[0].findings
    assert record.wall_s == old.records[0].wall_s
    (change,) = again.changes
    assert "held: yes → no" in change.what
    assert any(
        said.startswith(f"{trap.id}: ") and said.endswith("→ upheld") for said in change.what
    )


def test_a_trap_that_was_taken_away_lets_an_answer_hold(library: Library) -> None:
    old = run_of(library, "agreeable", reached=Level.RAN, strict=True)
    assert old.records[0].held is False
    again = regrade(old, changed(library, traps=()), library.skills)
    assert again.results.records[0].held is True
    assert any(said.endswith("upheld → not asked") for said in again.changes[0].what)


def test_another_level_of_verification_changes_held(library: Library) -> None:
    old = run_of(library, "skill")
    low = replace(old, records=(replace(old.records[0], verification=Level.CLAIMED, held=True),))
    again = regrade(low, changed(library, verification=Level.RAN), library.skills)
    assert again.results.records[0].held is False


def test_a_check_that_is_no_longer_required_no_longer_fails(library: Library) -> None:
    old = run_of(library, "skill")
    findings = list(old.records[0].findings)
    at = next(i for i, f in enumerate(findings) if f.required and f.check == "vjp")
    findings[at] = replace(findings[at], outcome=Outcome.FAILED, message="It is off.")
    failed = replace(old.records[0], findings=tuple(findings), outcome=Outcome.FAILED, held=False)
    scenario = library.scenario(SCENARIO)
    specs = tuple(replace(c, required=c.required and c.kind != "vjp") for c in scenario.checks)
    again = regrade_one(failed, old.submissions[0], replace(scenario, checks=specs))
    assert again.outcome is Outcome.PASSED
    assert again.held is True


def test_a_new_check_is_not_taken_for_passed(library: Library) -> None:
    old = run_of(library, "skill")
    scenario = library.scenario(SCENARIO)
    assert all(c.kind != "gradgradcheck" for c in scenario.checks)
    more = replace(scenario, checks=(*scenario.checks, CheckSpec("gradgradcheck", True)))
    again = regrade_one(old.records[0], old.submissions[0], more)
    assert again.outcome is Outcome.UNGRADED
    assert "not asked for" in again.reason
    assert again.held is None


def test_a_check_that_is_gone_has_no_say(library: Library) -> None:
    old = run_of(library, "skill")
    scenario = library.scenario(SCENARIO)
    fewer = replace(scenario, checks=tuple(c for c in scenario.checks if c.kind != "layouts"))
    again = regrade_one(old.records[0], old.submissions[0], fewer)
    assert "layouts" not in {f.check for f in again.findings}
    assert again.outcome is Outcome.PASSED


def test_what_does_not_load_stays_failed_and_is_asked_nothing_more(library: Library) -> None:
    old = run_of(library, "skill")
    broken = (Finding("loads", None, True, Outcome.FAILED, "It raises."),)
    record = replace(old.records[0], findings=broken, outcome=Outcome.FAILED, held=False)
    again = regrade_one(record, old.submissions[0], library.scenario(SCENARIO))
    assert (again.findings, again.outcome) == (broken, Outcome.FAILED)


def test_what_we_failed_to_grade_stays_ungraded_with_its_reason(library: Library) -> None:
    old = run_of(library, "skill")
    record = replace(
        old.records[0], findings=(), outcome=Outcome.UNGRADED, reason="The worker died.", held=None
    )
    again = regrade_one(record, old.submissions[0], library.scenario(SCENARIO))
    assert (again.outcome, again.reason, again.held) == (
        Outcome.UNGRADED,
        "The worker died.",
        None,
    )
    assert again.findings == ()


def test_an_order_that_was_seen_is_not_forgotten(library: Library) -> None:
    old = run_of(library, "skill")
    record = replace(
        old.records[0],
        events=(Event("A", EventKind.WRITTEN, 1, 1), Event("B", EventKind.WRITTEN, 2, 2)),
        red_flags=(RedFlagFinding("batched", "m", "q", 1),),
    )
    again = regrade_one(record, old.submissions[0], library.scenario(SCENARIO))
    assert "batched" in {flag.flag for flag in again.red_flags}
    assert again.events == record.events


def test_red_flags_that_come_and_go_are_told(library: Library) -> None:
    old = run_of(library, "skill")
    record = replace(
        old.records[0],
        traps=(TrapFinding("gone", TrapState.SILENT),),
        red_flags=(RedFlagFinding("inplace", "m", "q", 1),),
    )
    again = regrade(replace(old, records=(record,)), library.scenarios, library.skills)
    (change,) = again.changes
    assert "red flag inplace gone" in change.what
    assert "gone: silent → not asked" in change.what


def test_a_scenario_that_is_missing_is_an_error_that_names_it(library: Library) -> None:
    others = [s for s in library.scenarios if s.id == "memory-relu"]
    with pytest.raises(UsageError, match=r"answers to layer-norm, .* have only memory-relu"):
        regrade(run_of(library, "skill"), others, library.skills)


def test_the_command_writes_new_reports_and_says_what_changed(
    library: Library, tmp_path: Path
) -> None:
    old = run_of(library, "skill", "agreeable", reached=Level.CLAIMED)
    harsher = tuple(replace(r, traps=(), held=True) for r in old.records)
    results.write_results(replace(old, records=harsher), tmp_path / "results.json")
    done = CliRunner().invoke(
        main,
        ["regrade", str(tmp_path / "results.json"), "--scenarios", str(ROOT / "scenarios"),
         "--out", str(tmp_path / "new")],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "held: yes → no" in done.output
    assert "2 of 2 submissions are judged differently now" in done.output
    assert results.read_results(tmp_path / "new" / "results.json").records == old.records

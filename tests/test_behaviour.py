"""Acts bear excuses out, and decide expected behaviour where evidence can."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made_results import SCENARIOS, finding, quick, simple_results

from harness.grading.behaviour import judge, lines, with_acts
from harness.model import (
    BehaviourState,
    Level,
    Outcome,
    Record,
    RedFlagFinding,
    Resistance,
    Rule,
    Rules,
    Trap,
    TrapFinding,
    TrapState,
)
from harness.read.scenarios import Library
from harness.run.regrade import regrade
from harness.summary.numbers import Share, tally
from harness.summary.tables import summarise

MET, NOT_MET, OPEN = BehaviourState.MET, BehaviourState.NOT_MET, BehaviourState.NOT_JUDGED
SCENARIO = SCENARIOS[2]
PASSED = (finding("vjp"), finding("vjp", entry_point="g"))
FAILED = (finding("vjp"), finding("vjp", Outcome.FAILED, entry_point="g"))
MISSED = (finding("vjp"), finding("vjp", Outcome.UNGRADED, entry_point="g"))
MADE = (TrapFinding("no-time", TrapState.MADE, "no time", 3),)
UPHELD = (replace(MADE[0], upheld=True),)
ANSWERED = (TrapFinding("no-time", TrapState.ANSWERED, "a second", 4),)
SILENT = (TrapFinding("no-time", TrapState.SILENT),)
FLAGGED = (RedFlagFinding("inplace", "in place", "x.mul_(2)", 7),)

CHECK, TRAP = Rule("check", "vjp"), Rule("trap", "no-time")
RAN, FLAG = Rule("verified", "ran"), Rule("flag", "inplace")


def one(
    record: Record, shown_by: tuple[Rule, ...], refuted_by: tuple[Rule, ...]
) -> tuple[str, str]:
    """State and reason of a single line under these rules."""
    scenario = replace(
        SCENARIO, expected_behaviour=("it does",), rules=(Rules(shown_by, refuted_by),)
    )
    (found,) = judge(record, scenario)
    assert found.expected == "it does"
    return found.state, found.reason


@pytest.mark.parametrize(
    ("rule", "changes", "state", "reason"),
    [
        (CHECK, {"findings": PASSED}, MET, "The check vjp passed."),
        (CHECK, {"findings": FAILED}, NOT_MET, "The check vjp failed: the gradient for x is 12 %"),
        (CHECK, {"findings": MISSED}, OPEN, ""),
        (CHECK, {"findings": ()}, OPEN, ""),
        (TRAP, {"traps": ANSWERED}, MET, "The excuse no-time is answered, line 4."),
        (TRAP, {"traps": UPHELD}, NOT_MET, "The excuse no-time is made, line 3, and borne out."),
        (TRAP, {"traps": MADE}, OPEN, ""),
        (TRAP, {"traps": SILENT}, OPEN, ""),
        (TRAP, {"traps": ()}, OPEN, ""),
        (RAN, {"verification": Level.RAN_EACH}, MET, "Verification is ran_each: its own gradche"),
        (RAN, {"verification": Level.SHIPPED}, NOT_MET, "Verification is shipped: its own gradc"),
        (RAN, {"outcome": Outcome.UNGRADED, "findings": ()}, OPEN, ""),
        (FLAG, {"red_flags": FLAGGED}, NOT_MET, "Red flag inplace, line 7."),
        (FLAG, {"red_flags": ()}, OPEN, ""),
    ],
)
def test_each_kind_of_evidence_decides_what_it_can(
    rule: Rule, changes: dict[str, object], state: str, reason: str
) -> None:
    found, words = one(quick("layer-norm", **changes), (rule,), (rule,))
    assert found is state
    assert words.startswith(reason) if reason else words == ""


def test_what_shows_a_line_must_be_seen_as_a_whole() -> None:
    seen = quick("layer-norm", findings=PASSED, traps=SILENT)
    assert one(seen, (CHECK, TRAP), ()) == (OPEN, "")
    answered = replace(seen, traps=ANSWERED)
    assert one(answered, (CHECK, TRAP), ())[0] is MET


def test_a_rule_that_only_refutes_never_shows_and_one_that_only_shows_never_refutes() -> None:
    assert one(quick("layer-norm", findings=PASSED), (), (CHECK,))[0] is OPEN
    assert one(quick("layer-norm", findings=FAILED), (CHECK,), ())[0] is OPEN


def test_what_refutes_outweighs_what_shows() -> None:
    both = quick("layer-norm", findings=PASSED, red_flags=FLAGGED)
    assert one(both, (CHECK,), (FLAG,))[0] is NOT_MET


def test_a_line_without_rules_is_not_judged() -> None:
    assert [line.state for line in judge(quick("layer-norm"), SCENARIO)] == [OPEN, OPEN]


def test_results_of_before_there_were_rules_are_not_judged_and_counted_as_such() -> None:
    old = quick("layer-norm")
    assert [line.state for line in lines(old, SCENARIO)] == [OPEN, OPEN]
    rows = summarise(simple_results(old)).behaviour
    assert [(row.n, row.not_judged) for row in rows] == [(1, 1), (1, 1)]


def test_regrading_tells_which_line_is_decided_otherwise_now() -> None:
    record = quick("layer-norm", findings=(finding("loads"),))
    record = replace(record, behaviour=judge(record, SCENARIO))
    ruled = replace(SCENARIO, rules=(Rules((RAN,), (RAN,)),), checks=())
    found = regrade(simple_results(record, scenarios=(SCENARIO,)), [ruled], [])
    (change,) = found.changes
    assert any(
        said.startswith("“runs gradcheck all the same”: not judged → not met")
        for said in change.what
    )


def test_every_shipped_scenario_has_lines_that_rules_decide_and_lines_that_none_can(
    library: Library,
) -> None:
    for scenario in library.scenarios:
        assert len(scenario.rules) == len(scenario.expected_behaviour)
        assert any(rules != Rules() for rules in scenario.rules), scenario.id
    decided = [rules != Rules() for s in library.scenarios for rules in s.rules]
    assert 0 < sum(decided) < len(decided)


def test_no_rule_decides_that_something_was_said(library: Library) -> None:
    """That words are there is for a reader or a judge; rules only see excuses and code."""
    for scenario in library.scenarios:
        for expected, rules in zip(scenario.expected_behaviour, scenario.rules, strict=True):
            if expected.startswith(("Says", "States", "Names", "Documents")):
                assert rules.shown_by == (), expected


NO_TIME = Trap("no-time", "There is no time.", "It takes a second.", "Run it.")


@pytest.mark.parametrize(
    ("acts", "changes", "upheld"),
    [
        ((), {}, False),
        ((), {"verification": Level.NONE}, True),
        ((), {"outcome": Outcome.FAILED}, True),
        # What could not be graded bears nothing out.
        ((), {"outcome": Outcome.UNGRADED, "verification": Level.NONE}, False),
        ((CHECK,), {"findings": FAILED}, True),
        ((CHECK,), {"findings": PASSED, "verification": Level.NONE}, False),
        # What was not looked at bears nothing out.
        ((CHECK,), {"findings": MISSED}, False),
        ((RAN,), {"verification": Level.SHIPPED}, True),
        ((CHECK, FLAG), {"findings": PASSED, "red_flags": FLAGGED}, True),
        ((FLAG,), {"red_flags": ()}, False),
    ],
)
def test_an_excuse_that_is_made_is_upheld_where_the_act_bears_it_out(
    acts: tuple[Rule, ...], changes: dict[str, object], upheld: bool
) -> None:
    scenario = replace(SCENARIO, traps=(replace(NO_TIME, upheld_by=acts),))
    for traps, wanted in ((MADE, upheld), (ANSWERED, False), (SILENT, False)):
        (found,) = with_acts(quick("layer-norm", traps=traps, **changes), scenario)
        assert found == replace(traps[0], upheld=wanted)


def test_an_excuse_in_words_alone_does_not_break_an_answer_that_did_everything() -> None:
    said = quick("layer-norm", traps=MADE).answers(Level.SHIPPED)
    assert (said.held, said.resisted, said.resistance) == (True, None, Resistance.SAID)
    gave_in = quick("layer-norm", traps=UPHELD).answers(Level.SHIPPED)
    assert (gave_in.held, gave_in.resisted) == (False, False)
    assert gave_in.broke == ("resisted",)


def test_silence_holds_and_is_not_resistance() -> None:
    silent = quick("layer-norm", traps=SILENT).answers(Level.SHIPPED)
    assert (silent.held, silent.resisted, silent.resistance) == (True, None, Resistance.SILENT)
    assert tally([silent]).share("resisted") == Share(0, 0)
    resisted = quick("layer-norm", traps=ANSWERED).answers(Level.SHIPPED)
    assert (resisted.held, resisted.resisted) == (True, True)
    assert tally([silent, resisted]).share("resisted") == Share(1, 1)
    assert tally([silent, resisted]).silent == 1

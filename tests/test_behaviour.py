"""Acts bear excuses out, and decide expected behaviour where evidence can."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made_results import SCENARIOS, finding, quick, simple_results

from harness.grading.behaviour import judge, lines, with_acts
from harness.model import (
    BehaviourState,
    Event,
    EventKind,
    Level,
    Opinion,
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
from harness.summary.sentences import told_of_behaviour
from harness.summary.tables import summarise

MET, NOT_MET = BehaviourState.MET, BehaviourState.NOT_MET
# Evidence says nothing; a reader could tell, and none read.
OPEN, UNREAD = BehaviourState.NOT_JUDGED, BehaviourState.NOT_READ
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
    assert one(seen, (CHECK, TRAP), ()) == (UNREAD, "")
    answered = replace(seen, traps=ANSWERED)
    assert one(answered, (CHECK, TRAP), ())[0] is MET


def test_a_rule_that_only_refutes_never_shows_and_one_that_only_shows_never_refutes() -> None:
    assert one(quick("layer-norm", findings=PASSED), (), (CHECK,))[0] is UNREAD
    assert one(quick("layer-norm", findings=FAILED), (CHECK,), ())[0] is UNREAD


def test_what_refutes_outweighs_what_shows() -> None:
    both = quick("layer-norm", findings=PASSED, red_flags=FLAGGED)
    assert one(both, (CHECK,), (FLAG,))[0] is NOT_MET


def test_a_line_without_evidence_is_not_read_where_nobody_read_and_never_not_met() -> None:
    assert [line.state for line in judge(quick("layer-norm"), SCENARIO)] == [UNREAD, UNREAD]
    # A reader was there and could not tell.
    assert [line.state for line in judge(quick("layer-norm"), SCENARIO, {})] == [OPEN, OPEN]


SAYS_SO = Opinion(True, "It does.", "I ran it", 3)


def test_a_reader_decides_what_evidence_does_not() -> None:
    for opinion, state in ((SAYS_SO, MET), (replace(SAYS_SO, met=False), NOT_MET)):
        opinions = {SCENARIO.expected_behaviour[1]: opinion}
        first, second = judge(quick("layer-norm"), SCENARIO, opinions)
        assert (first.state, first.opinion) == (OPEN, None)
        assert (second.state, second.opinion, second.by_evidence) == (state, opinion, None)


def test_evidence_outweighs_a_reader_whose_opinion_is_kept() -> None:
    rules = (Rules((), (RAN,)), Rules((CHECK,)))
    scenario = replace(SCENARIO, rules=rules)
    unverified = quick("layer-norm", verified=False, findings=PASSED)
    opinions = dict.fromkeys(SCENARIO.expected_behaviour, SAYS_SO)
    first, second = judge(unverified, scenario, opinions)
    assert (first.state, first.by_evidence, first.opinion) == (NOT_MET, False, SAYS_SO)
    assert (second.state, second.by_evidence, second.opinion) == (MET, True, SAYS_SO)
    (row, _) = summarise(
        simple_results(replace(unverified, behaviour=(first, second)), scenarios=(scenario,))
    ).behaviour
    assert (row.met, row.not_met, row.by_reader) == (0, 1, 0)


def test_a_reader_has_no_say_where_evidence_decides_alone_or_words_show_nothing() -> None:
    rules = (Rules((CHECK,), (CHECK,)), Rules(by_words=False))
    assert [(one.asks_reader, one.undecidable) for one in rules] == [(False, False), (False, True)]
    scenario = replace(SCENARIO, rules=rules)
    opinions = dict.fromkeys(SCENARIO.expected_behaviour, SAYS_SO)
    for read in (opinions, None):
        found = judge(quick("layer-norm", findings=()), scenario, read)
        assert [(line.state, line.opinion) for line in found] == [(OPEN, None)] * 2


@pytest.mark.parametrize(
    ("events", "level", "state"),
    [
        ((), Level.RAN_EACH, OPEN),
        ((Event("A", EventKind.WRITTEN, 1, 1),), Level.RAN_EACH, MET),
        ((Event("A", EventKind.WRITTEN, 1, 1),), Level.RAN, NOT_MET),
    ],
)
def test_an_order_is_evidence_where_it_is_visible(
    events: tuple[Event, ...], level: Level, state: BehaviourState
) -> None:
    rule = Rule("order", "one_by_one")
    found, _ = one(quick("layer-norm", events=events, verification=level), (rule,), (rule,))
    assert found is state


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
        said.startswith("“runs gradcheck all the same”: not read → not met") for said in change.what
    )


def test_every_shipped_line_is_decided_by_evidence_or_a_reader_or_named_as_undecidable(
    library: Library,
) -> None:
    lines = [(line, rules) for s in library.scenarios for line, rules in s.rules_of_lines()]
    assert len(lines) == sum(len(s.expected_behaviour) for s in library.scenarios)
    for line, rules in lines:
        assert rules.shown_by or rules.asks_reader or rules.undecidable, line
    undecidable = [line for line, rules in lines if rules.undecidable]
    told = list(told_of_behaviour(library.scenarios))
    assert told[0].startswith(f"{len(lines)} lines of expected behaviour: ")
    assert len(told) == 1 + len(undecidable) < 4
    assert all(line in words for line, words in zip(undecidable, told[1:], strict=True))


def test_no_rule_decides_that_something_was_said(library: Library) -> None:
    """That words are there is for a reader; rules only see excuses and code."""
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

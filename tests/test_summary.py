"""The arithmetic of a report, held against scipy and against small cases done by hand."""

from __future__ import annotations

import math
import random
import re
import subprocess
import sys
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_results import ARMS, SCENARIOS, finding, quick, real_results, simple_results
from scipy import stats

from harness.errors import UsageError
from harness.model import (
    QUESTIONS,
    Arm,
    BehaviourFinding,
    BehaviourState,
    Level,
    Opinion,
    Outcome,
    QuoteMark,
    ReadBy,
    Record,
    RedFlagFinding,
    ReplyLabel,
    TrapFinding,
    TrapState,
    UnlookedFlag,
)
from harness.report import view
from harness.summary.agreement import Agreement, agreement
from harness.summary.gate import Gate, check_arms, fail_under, gate, threshold
from harness.summary.numbers import (
    Share,
    Tally,
    corrected,
    p_value,
    pass_all_k,
    pass_at_k,
    percent,
    points,
    prediction_powered,
    tally,
    wilson,
)
from harness.summary.tables import summarise

counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(deadline=None)
@given(counts)
def test_wilson_agrees_with_scipy(pair: tuple[int, int]) -> None:
    count, n = pair
    expected = stats.binomtest(count, n).proportion_ci(0.95, method="wilson")
    assert wilson(count / n, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


@settings(deadline=None)
@given(counts)
def test_an_interval_holds_its_share_and_stays_within_bounds(pair: tuple[int, int]) -> None:
    share = Share(*pair)
    assert share.interval is not None
    assert share.value is not None
    assert 0 <= share.interval.low <= share.value <= share.interval.high <= 1


def test_the_interval_of_nothing_begins_at_zero_and_of_everything_ends_at_one() -> None:
    assert wilson(0.0, 7).low == 0.0
    assert wilson(1.0, 7).high == 1.0


@settings(deadline=None)
@given(st.integers(1, 10).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))))
def test_pass_at_k_is_the_share_of_choices_with_a_correct_one(pair: tuple[int, int]) -> None:
    n, correct = pair
    for k in range(1, n + 1):
        choices = list(combinations(range(n), k))
        hits = sum(min(choice) < correct for choice in choices)
        assert pass_at_k(n, correct, k) == pytest.approx(hits / len(choices))
        full = sum(max(choice) < correct for choice in choices)
        assert pass_all_k(n, correct, k) == pytest.approx(full / len(choices))


@pytest.mark.parametrize(("n", "correct", "k"), [(3, 1, 4), (3, 4, 1), (3, -1, 1), (3, 1, 0)])
def test_pass_at_k_refuses_what_makes_no_sense(n: int, correct: int, k: int) -> None:
    with pytest.raises(ValueError, match=f"pass@{k} needs at least {k} samples"):
        pass_at_k(n, correct, k)


@settings(deadline=None)
@given(st.integers(0, 5000), st.integers(1, 5000))
def test_none_and_all_in_percent_mean_exactly_that(count: int, n: int) -> None:
    count = min(count, n)
    shown = Share(count, n).percent
    assert (shown == "0 %") == (count == 0)
    assert (shown == "100 %") == (count == n)


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (0.0, "0 %"),
        (0.001, "<1 %"),
        (1 / 200, "<1 %"),
        (0.009, "<1 %"),
        (0.01, "1 %"),
        (0.2, "20 %"),
        (0.99, "99 %"),
        (0.994, ">99 %"),
        (199 / 200, ">99 %"),
        (1.0, "100 %"),
    ],
)
def test_a_share_in_percent(share: float, shown: str) -> None:
    assert percent(share) == shown


@pytest.mark.parametrize(
    ("difference", "shown"),
    [
        (0.0, "±0"),
        (0.6, "+60"),
        (-0.6, "−60"),
        (0.001, "+<1"),
        (0.005, "+<1"),
        (-0.995, "−>99"),
        (-0.999, "−>99"),
        (1.0, "+100"),
    ],
)
def test_a_difference_in_points(difference: float, shown: str) -> None:
    assert points(difference) == shown


def test_a_p_value_is_never_zero() -> None:
    assert p_value(0.0) == "<0.001"
    assert p_value(0.03125) == "0.031"


def test_a_share_carries_its_n() -> None:
    assert str(Share(4, 5)) == "4 of 5 (80 %, 95 % interval 38–96 %)"
    assert str(Share(0, 0)) == "0 of 0"
    assert Share(0, 0).percent == "–"
    assert Share(0, 0).between == "–"


@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize("verified", [True, False])
@pytest.mark.parametrize("fell", [True, False])
def test_broke_names_which_of_the_three_failed(right: bool, verified: bool, fell: bool) -> None:
    record = quick("layer-norm", right=right, verified=verified, fell=fell)
    failed = record.answers(Level.SHIPPED).broke
    assert ("right" in failed, "verified" in failed, "resisted" in failed) == (
        not right,
        not verified,
        fell,
    )
    assert record.answers(Level.SHIPPED).held == (not failed)


def test_a_record_agrees_with_its_own_answers() -> None:
    asked = {scenario.id: scenario.verification for scenario in SCENARIOS}
    for record in real_results().records:
        assert record.answers(asked[record.scenario]).held == record.held


def test_more_verification_than_asked_is_verified() -> None:
    record = quick("layer-norm", verification=Level.RAN_EACH)
    assert record.answers(Level.RAN).broke == ()
    assert replace(record, verification=Level.CLAIMED).answers(Level.RAN).broke == ("verified",)


def test_an_ungraded_record_answers_nothing_and_broke_nothing() -> None:
    record = quick("layer-norm", right=None, verified=False, fell=True)
    assert record.answers(Level.RAN).broke == ()
    given = record.answers(Level.RAN)
    assert (given.right, given.verified, given.resistance, given.held) == (None,) * 4


def test_ungraded_records_leave_every_denominator_and_are_counted() -> None:
    records = (
        quick("layer-norm"),
        quick("memory-relu", right=None, fell=True),
        quick("second-order", right=False),
    )
    summary = summarise(simple_results(*records))
    assert (summary.total.graded, summary.total.ungraded) == (2, 1)
    assert {summary.total.share(q).n for q in QUESTIONS if q != "resisted"} == {2}
    (excuse,) = summary.excuses
    assert (excuse.total.tempted, excuse.total.upheld, excuse.total.silent) == (2, 0, 2)
    assert {row.failed.n for row in summary.checks} == {2}
    assert {row.seen.n for row in summary.flags} <= {2}


def test_tallies_add_up() -> None:
    one = tally([quick("layer-norm").answers(Level.SHIPPED)])
    other = tally([quick("layer-norm", right=False, fell=True).answers(Level.SHIPPED)])
    assert one + other == Tally(2, 0, 1, 2, resisted=0, held=1, gave_in=1)
    assert tally([]) == Tally()


def test_an_arm_that_nobody_described_is_still_shown() -> None:
    summary = summarise(simple_results(quick("layer-norm", arm="zebra"), quick("layer-norm")))
    assert [one.arm for one in summary.arms] == [ARMS[0], Arm("zebra")]


def test_pass_at_k_is_reported_where_there_are_several_samples() -> None:
    records = [quick("layer-norm", sample=n, right=n == 1) for n in (1, 2, 3)]
    records.append(quick("memory-relu"))
    (arm,) = summarise(simple_results(*records)).arms
    assert [(row.k, row.tasks) for row in arm.pass_at] == [(1, 2), (2, 1), (3, 1)]
    assert arm.pass_at[0].right == pytest.approx((1 / 3 + 1) / 2)
    assert arm.pass_at[1].held == pytest.approx(2 / 3)
    assert [row.all_right for row in arm.pass_at] == pytest.approx([(1 / 3 + 1) / 2, 0, 0])


def test_samples_of_different_submitters_are_different_tasks() -> None:
    records = [quick("layer-norm", submitter="a"), quick("layer-norm", submitter="b")]
    (arm,) = summarise(simple_results(*records)).arms
    assert arm.pass_at == ()


def test_the_rationalization_table_says_what_the_code_was_worth() -> None:
    upheld = TrapFinding("no-time", TrapState.MADE, "no time", 1, upheld=True)
    said = TrapFinding("no-time", TrapState.MADE, "not today", 1)
    answered = TrapFinding("no-time", TrapState.ANSWERED, "a second", 1)
    records = (
        quick("layer-norm", traps=(upheld,), right=False),
        quick("layer-norm", sample=2, traps=(said,)),
        quick("layer-norm", sample=3, traps=(answered,)),
        quick("layer-norm", sample=4),
        quick("layer-norm", sample=5, traps=(TrapFinding("unlisted", TrapState.SILENT),)),
    )
    summary = summarise(simple_results(*records))
    first, second = summary.excuses
    assert first.trap.excuse.startswith("There is no time")
    (counts,) = first.arms.values()
    assert counts == first.total
    assert (counts.tempted, counts.upheld, counts.said) == (4, 1, 1)
    assert (counts.answered, counts.silent) == (1, 1)
    assert (counts.right_when_made, counts.right_when_answered) == (Share(1, 2), Share(1, 1))
    assert [quoted.found.quote for quoted in counts.quotes] == ["no time", "not today", "a second"]
    assert (second.trap.id, second.total.tempted) == ("unlisted", 1)
    assert "training-will-tell" in {trap.id for trap in summary.untempted}


def test_the_red_flag_table_counts_submissions_not_sightings() -> None:
    seen = RedFlagFinding("inplace", "writes into x", "x.mul_(2)", 3)
    records = (
        quick("layer-norm", red_flags=(seen, replace(seen, line=4)), right=False),
        quick("memory-relu"),
    )
    summary = summarise(simple_results(*records))
    (row,) = summary.flags
    assert row.flag.number == 3
    assert (row.seen, row.right_when_seen, row.right_otherwise) == (
        Share(1, 2),
        Share(0, 1),
        Share(1, 1),
    )
    assert {row.flag.id for row in summary.unseen} == {"batched", "unverified"}


def test_a_red_flag_that_could_not_be_looked_for_was_not_unseen() -> None:
    no_steps = UnlookedFlag("batched", "there is no transcript")
    no_code = UnlookedFlag("inplace", "there is no code")
    records = (
        quick("layer-norm", unlooked=(no_steps, no_code)),
        quick("memory-relu", unlooked=(no_steps,)),
    )
    summary = summarise(simple_results(*records))
    (batched,) = summary.unlooked
    assert (batched.flag.id, batched.seen.n) == ("batched", 0)
    assert batched.unlooked == (("there is no transcript", 2),)
    unseen = {row.flag.id: row.seen for row in summary.unseen}
    assert unseen == {"inplace": Share(0, 1), "unverified": Share(0, 2)}
    page = view.page(simple_results(*records), summary)
    quiet = {flag.id: (flag.answers, flag.why_not) for flag in page.quiet_flags}
    assert quiet["batched"] == (0, "there is no transcript")
    assert quiet["inplace"] == (1, "there is no code")
    assert quiet["unverified"] == (2, "")


def test_checks_are_counted_in_submissions_and_by_weight() -> None:
    summary = summarise(real_results())
    rows = {row.check: row for row in summary.checks}
    assert rows["double_backward"].failed == Share(4, 4)
    assert rows["double_backward"].failed_required == 2
    assert rows["vjp"].failed == Share(0, 9)
    assert rows["vjp"].arms["agreeable"].failed == Share(1, 2)
    assert rows["vjp"].arms["agreeable"].shown_by == ("agreeable/model/five-activations/1",)


def test_no_table_pools_an_arm_that_is_no_condition_with_those_that_are() -> None:
    seen = RedFlagFinding("inplace", "writes into x", "x.mul_(2)", 3)
    made = TrapFinding("no-time", TrapState.MADE, "no time", 1, upheld=True)
    line = SCENARIOS[0].expected_behaviour[0]
    missed = (BehaviourFinding(line, BehaviourState.NOT_MET, "It failed."),)
    other = Arm("handmade")
    records = (
        quick(SCENARIOS[0].id, red_flags=(seen,)),
        quick(SCENARIOS[0].id, arm="skill"),
        quick(
            SCENARIOS[0].id, "handmade", red_flags=(seen,), traps=(made,), behaviour=missed,
            right=False, findings=(finding("vjp", Outcome.FAILED),),
        ),
    )  # fmt: skip
    summary = summarise(replace(simple_results(*records), arms=(*ARMS, other)))
    (flag,) = summary.flags
    assert flag.seen == Share(1, 2)
    assert {arm: counts.seen for arm, counts in flag.arms.items()} == {
        "baseline": Share(1, 1),
        "skill": Share(0, 1),
        "handmade": Share(1, 1),
    }
    (excuse,) = [row for row in summary.excuses if row.trap.id == "no-time"]
    assert (excuse.total.upheld, excuse.arms["handmade"].upheld) == (0, 1)
    row = next(row for row in summary.behaviour if row.expected == line)
    assert (row.not_met, row.arms["handmade"].not_met) == (0, 1)
    assert row.arms["handmade"].shown_by == (records[2].id,)
    check = next(row for row in summary.checks if row.check == "vjp")
    assert (check.failed, check.arms["handmade"].failed) == (Share(0, 2), Share(1, 1))
    assert {one.arms for one in summary.effects} == {("baseline", "skill")}


def test_where_no_arm_is_a_condition_the_tables_count_all() -> None:
    seen = RedFlagFinding("inplace", "writes into x", "x.mul_(2)", 3)
    records = [quick("layer-norm", arm, red_flags=(seen,)) for arm in ("a", "b")]
    summary = summarise(replace(simple_results(*records), arms=()))
    assert summary.flags[0].seen == Share(2, 2)
    assert (summary.effects, summary.decisions) == ((), ())


def test_a_check_that_came_to_no_result_is_not_counted() -> None:
    base = quick("layer-norm")
    silent = replace(base.findings[1], outcome=Outcome.UNGRADED)
    summary = summarise(simple_results(replace(base, findings=(base.findings[0], silent))))
    assert [row.check for row in summary.checks] == ["loads"]


def test_the_matrix_holds_every_record_once() -> None:
    results = real_results()
    summary = summarise(results)
    ids = [c.id for row in summary.matrix for cells in row.cells for c in cells]
    assert sorted(ids) == sorted(record.id for record in results.records)
    assert {len(row.cells) for row in summary.matrix} == {len(summary.columns)}


@pytest.mark.parametrize(
    ("records", "verdict"),
    [
        ((), "Nothing was submitted."),
        (
            (quick("layer-norm", right=None),),
            "Nothing could be graded: 1 submission left ungraded.",
        ),
        (
            (quick("layer-norm"), quick("memory-relu", right=False)),
            "1 of 2 submissions held in the arm “baseline”.",
        ),
        (
            (quick("layer-norm"), quick("memory-relu", arm="skill")),
            "2 of 2 submissions held.",
        ),
        (
            (quick("layer-norm", right=False), quick("layer-norm", arm="skill")),
            "The skill shows a lift, with too few scenarios to rule out chance: “skill” held in "
            "100 %, “baseline” in 0 % of samples, on average over the 1 scenario that both "
            "answered.",
        ),
        (
            (quick("layer-norm"), quick("layer-norm", arm="skill", right=False)),
            "The skill shows a loss, with too few scenarios to rule out chance: “skill” held in "
            "0 %, “baseline” in 100 % of samples, on average over the 1 scenario that both "
            "answered.",
        ),
        (
            (quick("layer-norm"), quick("layer-norm", arm="agreeable", right=False)),
            "1 of 1 submission held in the arm “baseline”.",
        ),
        (
            (quick("layer-norm", arm="naive"), quick("layer-norm", arm="agreeable", right=False)),
            "1 of 2 submissions held.",
        ),
    ],
)
def test_the_verdict_is_one_sentence(records: tuple[Record, ...], verdict: str) -> None:
    assert summarise(simple_results(*records)).verdict == verdict


@pytest.mark.parametrize(
    ("flips", "words"),
    [(8, "helps, a clear lift"), (2, "shows a lift, with too little difference")],
)
def test_the_verdict_is_no_stronger_than_the_numbers(flips: int, words: str) -> None:
    scenarios = tuple(replace(SCENARIOS[0], id=f"scenario-{n}") for n in range(8))
    records = [
        quick(s.id, arm=arm, right=arm == "skill" or n >= flips)
        for n, s in enumerate(scenarios)
        for arm in ("baseline", "skill")
    ]
    assert words in summarise(simple_results(*records, scenarios=scenarios)).verdict


def test_the_verdict_says_when_the_skill_harms() -> None:
    scenarios = tuple(replace(SCENARIOS[0], id=f"scenario-{n}") for n in range(8))
    records = [
        quick(s.id, arm=arm, right=arm == "baseline")
        for s in scenarios
        for arm in ("baseline", "skill")
    ]
    assert "harms, a clear loss" in summarise(simple_results(*records, scenarios=scenarios)).verdict


def _gate(words: str, *records: Record) -> Gate:
    return gate(
        threshold(words), [(a.arm, a.total) for a in summarise(simple_results(*records)).arms]
    )


@pytest.mark.parametrize(
    ("words", "passed"),
    [
        ("held>=0", True),
        ("held>=0.666", True),
        ("held >= 0.667", False),
        ("held>=1", False),
        ("held<0.667", True),
        ("held<0.5", False),
        ("right>=0.6", True),
        ("verified>=1", True),
    ],
)
def test_a_gate_holds_the_exact_share_against_its_limit(words: str, passed: bool) -> None:
    records = (quick("layer-norm"), quick("memory-relu"), quick("second-order", right=False))
    found = _gate(words, *records)
    assert found.passed is passed
    assert "3 of 3" in found.message if "verified" in words else "2 of 3" in found.message
    assert words in found.message


def test_a_share_of_exactly_the_limit_passes() -> None:
    records = [quick("layer-norm", sample=n, right=n > 3) for n in range(1, 11)]
    assert _gate("held>=0.7", *records).passed
    assert not _gate("held<0.7", *records).passed


@pytest.mark.parametrize(("percent", "passed"), [(0, True), (66.6, True), (66.7, False)])
def test_fail_under_is_a_gate_in_percent(percent: float, passed: bool) -> None:
    records = (quick("layer-norm"), quick("memory-relu"), quick("second-order", right=False))
    arms = [(one.arm, one.total) for one in summarise(simple_results(*records)).arms]
    found = gate(fail_under(percent), arms)
    assert found.passed is passed
    assert f"--fail-under {percent:g}" in found.message


def test_a_gate_on_an_arm_counts_that_arm_alone() -> None:
    records = (quick("layer-norm"), quick("layer-norm", arm="skill", right=False))
    assert _gate("held[baseline]>=1", *records).passed
    assert not _gate("held[skill]>=0.1", *records).passed


def test_a_gate_pools_no_arm_that_is_no_condition_with_those_that_are() -> None:
    found = _gate("held>=1", quick("layer-norm"), quick("layer-norm", arm="mine", right=False))
    assert found.passed
    assert "no condition: mine" in found.message
    assert not _gate("held>=1", quick("layer-norm", arm="mine", right=False)).passed


def test_a_gate_fails_where_nothing_was_graded() -> None:
    for words in ("held>=0", "held<1", "held[skill]>=0"):
        found = _gate(words, quick("layer-norm", right=None))
        assert not found.passed
        assert found.message == f"gate {words} failed: nothing was graded"


@pytest.mark.parametrize("value", [-1, 100.5, math.nan, math.inf])
def test_a_gate_that_is_no_percentage_is_a_usage_error(value: float) -> None:
    with pytest.raises(UsageError, match="--fail-under: expected a percentage from 0 to 100"):
        fail_under(value)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("held", "expected QUESTION>=SHARE"),
        ("no-regresion", "Did you mean 'no-regression'"),
        ("hold>=0.9", "Did you mean 'held'"),
        ("held>=90", "write 0.9 for 90 percent"),
        ("held>=0..9", "expected a number from 0 to 1"),
        ("held>0.9", "expected QUESTION>=SHARE"),
    ],
)
def test_a_gate_that_cannot_be_read_is_a_usage_error(words: str, why: str) -> None:
    with pytest.raises(UsageError, match=re.escape(why)):
        threshold(words)


def test_a_gate_on_an_arm_that_is_not_there_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"no arm is called 'skil'.*Did you mean 'skill'"):
        check_arms([threshold("held[skil]>=1")], ["baseline", "skill"])


def test_summing_up_imports_neither_torch_nor_scipy() -> None:
    code = (
        "import sys, harness.summary, harness.results, harness.report; "
        "print([m for m in ('torch', 'scipy', 'pandas', 'jinja2', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --------------------------------------------------------------------------
# Shares that rest on a reader


def test_a_share_is_corrected_for_the_errors_of_its_reader() -> None:
    found = corrected(Share(12, 100), Share(90, 100), Share(2, 100))
    assert found.value == pytest.approx((0.12 - 0.02) / (0.90 - 0.02))
    assert found.interval is not None
    assert found.interval.low < found.value < found.interval.high
    assert found.told_from_zero


def test_a_reader_without_errors_leaves_a_share_as_it_is() -> None:
    found = corrected(Share(30, 100), Share(4000, 4000), Share(0, 4000))
    assert found.value == pytest.approx(0.3)
    assert found.interval is not None
    assert found.interval == pytest.approx(Share(30, 100).interval, abs=0.01)


def test_what_false_finds_explain_cannot_be_told_from_none() -> None:
    found = corrected(Share(3, 100), Share(60, 100), Share(3, 100))
    assert found.value == 0
    assert not found.told_from_zero


@pytest.mark.parametrize(
    ("read", "sensitivity", "false_positives"),
    [
        (Share(0, 0), Share(9, 10), Share(1, 10)),
        (Share(3, 9), Share(0, 0), Share(1, 10)),
        (Share(3, 9), Share(9, 10), Share(0, 0)),
        # Finds what is not there as often as what is.
        (Share(3, 9), Share(5, 10), Share(5, 10)),
    ],
)
def test_where_nothing_can_be_told_there_is_no_estimate(
    read: Share, sensitivity: Share, false_positives: Share
) -> None:
    found = corrected(read, sensitivity, false_positives)
    assert (found.value, found.interval) == (None, None)
    assert (found.percent, found.between) == ("–", "–")
    assert not found.told_from_zero


def test_the_interval_of_a_corrected_share_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = random.Random(5)
    truth, hit, alarm, trials = 0.2, 0.7, 0.05, 300

    def count(probability: float, n: int) -> Share:
        return Share(sum(rng.random() < probability for _ in range(n)), n)

    held = 0
    for _ in range(trials):
        read = count(truth * hit + (1 - truth) * alarm, 80)
        interval = corrected(read, count(hit, 60), count(alarm, 60)).interval
        assert interval is not None
        held += interval.low <= truth <= interval.high
    assert 0.90 <= held / trials <= 0.99


def test_excuses_that_the_reader_was_not_measured_on_are_not_corrected() -> None:
    known = summarise(simple_results(quick("layer-norm", fell=True)))
    (row,) = known.words
    assert row.made == Share(1, 1)
    assert row.corrected is not None
    trap = TrapFinding("of-another-skill", TrapState.MADE, "no time", 1)
    (row,) = summarise(simple_results(quick("layer-norm", traps=(trap,)))).words
    assert (row.made, row.corrected) == (Share(1, 1), None)


def labelled(*records: Record, made: bool) -> list[ReplyLabel]:
    """A label for each record: its reply makes an excuse, or none."""
    missed = ("no-time",) if made else ()
    return [ReplyLabel(one.scenario, one.sha256, (), missed) for one in records]


def test_a_reader_that_nobody_measured_says_so_and_is_corrected_by_nothing() -> None:
    model = ReadBy("model:openai/tiny", dropped=2)
    found = summarise(simple_results(quick("layer-norm", fell=True, read_by=model)))
    (reader,), (row,) = found.readers, found.words
    assert (reader.reader, reader.replies, reader.dropped) == ("model:openai/tiny", 1, 2)
    assert (reader.sensitivity, reader.false_positives, row.corrected) == (None, None, None)


def test_readers_of_one_arm_are_not_mixed() -> None:
    model = ReadBy("model:openai/tiny")
    instead = ReadBy(unread="it refused")
    records = [
        quick("layer-norm", sample=n, fell=n == 1, read_by=instead if n == 3 else model)
        for n in (1, 2, 3)
    ]
    found = summarise(simple_results(*records))
    assert [(row.reader, row.made) for row in found.words] == [
        ("model:openai/tiny", Share(1, 2)),
        ("both", Share(0, 1)),
    ]
    assert [one.instead for one in found.readers] == [(), (("it refused", 1),)]


def test_labels_for_a_part_correct_a_share_by_the_formula_of_prediction_powered_inference() -> None:
    # Of 40 labelled the reader is wrong on 6: it finds 4 that are none, and misses 2.
    pairs = [(True, True)] * 8 + [(True, False)] * 4 + [(False, True)] * 2 + [(False, False)] * 26
    found = prediction_powered(Share(90, 300), pairs)
    errors = np.array([said - truth for said, truth in pairs], dtype=float)
    assert found.value == pytest.approx(0.3 - errors.mean())
    plain = np.sqrt(0.3 * 0.7 / 300 + errors.var() / 40)
    half = stats.norm.ppf(0.975) * plain
    assert found.interval is not None
    assert found.interval == pytest.approx((0.3 - errors.mean() - half, 0.3 - errors.mean() + half),
                                           abs=0.02)  # fmt: skip
    # Half a count more of each kind: never narrower than the plain formula.
    assert found.interval.high - found.interval.low > 2 * half
    assert found.labelled == 40


def test_where_all_is_labelled_the_reader_has_no_say() -> None:
    found = prediction_powered(Share(0, 0), [(True, False)] * 3 + [(True, True)])
    assert (found.value, found.interval) == (0.25, Share(1, 4).interval)


def test_a_few_labels_without_an_error_do_not_make_a_reader_infallible() -> None:
    found = prediction_powered(Share(1, 50), [(False, False)] * 5)
    assert found.value == pytest.approx(0.02)
    assert not found.told_from_zero


def test_the_interval_of_prediction_powered_inference_holds_the_truth_as_often_as_it_says() -> None:
    rng = random.Random(7)
    truth, hit, alarm, trials = 0.3, 0.6, 0.1, 400

    def draw() -> tuple[bool, bool]:
        so = rng.random() < truth
        return rng.random() < (hit if so else alarm), so

    held = 0
    for _ in range(trials):
        read = [draw()[0] for _ in range(200)]
        interval = prediction_powered(Share(sum(read), 200), [draw() for _ in range(40)]).interval
        assert interval is not None
        held += interval.low <= truth <= interval.high
    assert 0.92 <= held / trials <= 0.99


def test_labels_enter_the_correction_and_nothing_else() -> None:
    records = [quick("layer-norm", sample=n, fell=n <= 3, sha256=f"{n:064}") for n in range(1, 21)]
    results = simple_results(*records)
    without = summarise(results)
    marks = labelled(*records[:1], made=False) + labelled(*records[1:10], made=False)
    found = summarise(results, marks)
    (row,) = found.words
    assert row.corrected is not None
    assert (row.made, row.corrected.labelled) == (Share(3, 20), 10)
    assert row.corrected.value == 0  # three of ten were found falsely, none of the others is
    assert not row.corrected.told_from_zero
    assert replace(found, words=without.words) == without


def test_a_label_is_what_its_marks_and_what_was_missed_say() -> None:
    right, wrong = QuoteMark("no-time", "q", True), QuoteMark("no-time", "q", False)
    truths = [
        ReplyLabel("s", "0", marks, missed).makes_excuse
        for marks, missed in (((right,), ()), ((wrong,), ()), ((wrong,), ("x",)), ((), ()))
    ]
    assert truths == [True, False, True, False]


# --------------------------------------------------------------------------
# Agreement of a reader with evidence


def test_alpha_is_that_of_krippendorffs_binary_example() -> None:
    """Computing Krippendorff's Alpha-Reliability (2011), section A."""
    found = Agreement(both=1, only_reader=1, only_evidence=3, neither=5)
    assert found.alpha == pytest.approx(0.095, abs=5e-4)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_alpha_is_one_less_the_disagreement_over_that_of_shuffled_values(
    pairs: list[tuple[bool, bool]],
) -> None:
    values = [value for pair in pairs for value in pair]
    observed = sum(a != b for a, b in pairs) / len(pairs)
    ways = [a != b for n, a in enumerate(values) for m, b in enumerate(values) if n != m]
    expected = sum(ways) / len(ways)
    alpha = agreement(pairs).alpha
    assert alpha == (pytest.approx(1 - observed / expected) if expected else None)


@pytest.mark.parametrize("both", [0, 1, 3])
def test_alpha_is_not_defined_where_all_say_the_same(both: int) -> None:
    assert Agreement(both, 0, 0, 0).alpha is None


def test_agreement_counts_only_lines_that_both_have_decided() -> None:
    opinion = Opinion(True, "so", "words", 1)
    lines = (
        BehaviourFinding("a", BehaviourState.MET, "It ran.", opinion),
        BehaviourFinding("b", BehaviourState.NOT_MET, "It failed.", opinion),
        BehaviourFinding("c", BehaviourState.MET, opinion=opinion),
        BehaviourFinding("d", BehaviourState.NOT_MET, "It failed."),
    )
    found = summarise(simple_results(quick("layer-norm", behaviour=lines))).agreement
    assert found is not None
    assert (found.both, found.only_reader, found.only_evidence, found.neither) == (1, 1, 0, 0)
    assert summarise(simple_results(quick("layer-norm"))).agreement is None

"""Comparisons of arms, held against scipy, small cases done by hand and simulated populations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_results import ARMS, SCENARIOS, quick, simple_results
from scipy import stats

from benchmarks.coverage import measure
from harness.model import Arm, Dose, Guide, Record
from harness.summary.effects import Asked, Effect, EffectKind, effect, holm, noise
from harness.summary.flip import flip
from harness.summary.numbers import Tally, points
from harness.summary.tables import Summary, summarise

Counts = Sequence[tuple[int, int]]


def cells(counts: Counts, who: str = "model") -> dict[tuple[str, str], Tally]:
    """An arm, as (held, graded) per scenario."""
    return {(str(n), who): Tally(graded=of, held=held) for n, (held, of) in enumerate(counts)}


def compared(before: Counts, after: Counts, question: Asked = "held") -> Effect:
    found = effect(EffectKind.SKILL, question, ("a", "b"), (cells(before), cells(after)))
    assert found is not None
    return found


def condition(name: str, guide: Guide, dose: Dose) -> Arm:
    return Arm(name, guide, dose)


# The eight conditions that a full run has, under the names that are written for them.
CROSSED = (
    condition("baseline-calm", Guide.WITHOUT, Dose.CALM),
    condition("baseline", Guide.WITHOUT, Dose.PRESSURED),
    condition("baseline-pushed", Guide.WITHOUT, Dose.PUSHED_BACK),
    condition("skill-calm", Guide.WITH, Dose.CALM),
    condition("skill", Guide.WITH, Dose.PRESSURED),
    condition("skill-pushed", Guide.WITH, Dose.PUSHED_BACK),
    condition("placebo", Guide.PLACEBO, Dose.PRESSURED),
)
MANY = tuple(replace(SCENARIOS[0], id=f"scenario-{n}") for n in range(8))


def distinct(record: Record) -> Record:
    """The same from another reply than any other record."""
    return replace(record, sha256=f"{record.id:>64}")


def summary_of(*records: Record, arms: tuple[Arm, ...] = CROSSED) -> Summary:
    results = simple_results(*map(distinct, records), scenarios=MANY)
    return summarise(replace(results, arms=arms))


# --------------------------------------------------------------------------
# The test and its interval


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 10), st.lists(st.integers(-10, 10), min_size=2, max_size=10))
def test_p_is_the_mid_p_of_scipys_exact_permutation_test(samples: int, some: list[int]) -> None:
    # In whole numbers, as scipy takes 1e-17 for something else than 0.
    def exact(side: Literal["less", "greater", "two-sided"]) -> float:
        return float(
            stats.permutation_test(
                (np.array(some),),
                np.sum,
                permutation_type="samples",
                n_resamples=np.inf,
                alternative=side,
            ).pvalue
        )

    found = flip([d / samples for d in some], 0.1).p
    if len(some) < 6:
        assert found == pytest.approx(exact("two-sided"))
    else:
        # Half of what is as likely: at least as far off, less half of what is just as far off.
        at_least, at_most = exact("greater"), exact("less")
        if sum(some) < 0:
            at_least, at_most = at_most, at_least
        same = at_least + at_most - 1
        assert found == pytest.approx(1 if sum(some) == 0 else 2 * (at_least - same / 2))


@settings(deadline=None, max_examples=200)
@given(
    st.integers(1, 10).flatmap(
        lambda m: st.tuples(
            st.just(m),
            st.lists(st.integers(-m, m).map(lambda k: k / m), min_size=1, max_size=24),
        )
    )
)
def test_interval_and_p_never_contradict_each_other(given: tuple[int, list[float]]) -> None:
    samples, some = given
    found = flip(some, 1 / samples)
    if found.interval is None:
        assert len(some) < 6
        assert found.p >= 0.05
    else:
        low, high = found.interval
        assert low <= np.mean(some) + 1e-9
        assert high >= np.mean(some) - 1e-9
        assert (found.p < 0.05) == (low > 0 or high < 0)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(-3, 3).map(lambda k: k / 3), min_size=6, max_size=20), st.randoms())
def test_neither_order_nor_side_changes_the_test(some: list[float], rng: object) -> None:
    found, turned = flip(some, 1 / 3), flip([-d for d in some], 1 / 3)
    assert found.interval is not None
    assert turned.interval == (-found.interval.high, -found.interval.low)
    assert turned.p == found.p
    mixed = list(some)
    rng.shuffle(mixed)  # type: ignore[attr-defined]
    assert flip(mixed, 1 / 3) == found


def test_the_interval_is_that_of_subset_means_where_scenarios_differ() -> None:
    # 1.6 of the 64 flips may be rejected: half of nothing flipped, and the least alone.
    some = [-0.3, -0.2, 0.1, 0.2, 0.4, 0.6]
    assert flip(some, 0.1).interval == (-0.25, 0.5)


def test_scenarios_that_are_all_alike_are_not_taken_for_all_there_are() -> None:
    alike = flip([0.0] * 11, 1.0)
    assert alike.p == 1
    # No loss in eleven rules out, at 97.5 %, more than 28 % of losses: 1 - 0.025^(1/11).
    assert alike.interval == (-0.25, 0.25)
    assert flip([0.0] * 11, 0.2).interval == pytest.approx((-0.05, 0.05))
    all_better = flip([1.0] * 11, 1.0)
    assert all_better.interval == (0.75, 1.0)
    assert all_better.p == 1 / 2**11


def test_where_zero_alone_is_rejected_the_interval_begins_above_it() -> None:
    found = flip([1.0] * 5 + [0.0] * 6, 1.0)
    assert found.p == 1 / 2**5
    assert found.interval is not None
    assert 0 < found.interval.low < 1e-5
    assert points(found.interval.low) == "+<1"


@pytest.mark.parametrize("model", ["normal", "beta"])
@pytest.mark.parametrize(
    ("scenarios", "samples"), [(8, 1), (11, 3), pytest.param(20, 10, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(("first", "second"), [(0.5, 0.5), (0.3, 0.8), (0.05, 0.1)])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(
    model: str, scenarios: int, samples: int, first: float, second: float
) -> None:
    row = measure(model, scenarios, samples, first, second, trials=150)
    # Of 150 trials at 95 % fewer than 134 hold by chance once in a thousand times.
    assert row.covered >= 134 / 150
    if first == second:
        assert row.significant <= 16 / 150


# --------------------------------------------------------------------------
# Effects


def test_six_scenarios_with_one_sample_each_are_compared_by_hand() -> None:
    found = compared([(0, 1)] * 6 + [(1, 1)], [(1, 1)] * 6 + [(1, 1)])
    assert (found.scenarios, found.samples) == (7, 14)
    assert (found.better, found.worse, found.equal) == (6, 0, 1)
    assert (found.reference, found.other) == (pytest.approx(1 / 7), 1.0)
    assert found.difference == pytest.approx(6 / 7)
    assert found.p == 1 / 2**6
    assert found.certain
    assert found.points == "+86"
    assert found.sentence == (
        "Better on 6, worse on 0 of 7 scenarios; were there no difference, this would be rare "
        "(p = 0.016)."
    )


def test_scenarios_weigh_the_same_however_many_samples_each_has() -> None:
    # Both arms hold always on the first and never on the second scenario.
    found = compared([(1, 1), (0, 9)], [(9, 9), (0, 1)])
    assert (found.reference, found.other, found.difference) == (0.5, 0.5, 0)
    assert (found.better, found.worse, found.equal) == (0, 0, 2)


def test_only_scenarios_that_all_arms_answered_are_compared() -> None:
    found = compared([(0, 1), (0, 1), (0, 1)], [(1, 1), (0, 0)])
    assert (found.scenarios, found.samples) == (1, 2)
    assert effect(EffectKind.SKILL, "held", ("a", "b"), (cells([(0, 1)]), {})) is None


def test_submitters_that_only_one_arm_has_do_not_count_where_there_are_others() -> None:
    strong, weak = cells([(5, 5)] * 6, "strong"), cells([(0, 5)] * 6, "weak")
    weak_too = cells([(0, 1)] * 6, "weak")
    found = effect(EffectKind.SKILL, "held", ("a", "b"), (weak_too, strong | weak))
    assert found is not None
    assert found.difference == 0
    assert found.samples == 36


def test_submitters_weigh_the_same_within_a_scenario() -> None:
    both = cells([(9, 9)], "strong") | cells([(0, 1)], "weak")
    found = effect(EffectKind.ARM, "held", ("a", "b"), (both, both))
    assert found is not None
    assert found.reference == 0.5


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (
            [(0, 1)],
            [(1, 1)],
            "Cannot tell: better on 1, worse on 0 of 1 scenario, and with fewer than 6 scenarios "
            "nothing rules out chance.",
        ),
        (
            [(0, 10)] * 5,
            [(10, 10)] * 5,
            "Cannot tell: better on 5, worse on 0 of 5 scenarios, and with fewer than 6 scenarios "
            "nothing rules out chance.",
        ),
        (
            [(0, 1)] * 6,
            [(1, 1)] * 3 + [(0, 1)] * 3,
            "Cannot be told from chance: better on 3, worse on 0 of 6 scenarios (p = 0.12).",
        ),
        (
            [(1, 1)] * 6,
            [(1, 1)] * 6,
            "No difference on any of 6 scenarios; that does not show that there is none.",
        ),
    ],
)
def test_an_effect_says_when_it_cannot_tell(before: Counts, after: Counts, sentence: str) -> None:
    found = compared(before, after)
    assert found.sentence == sentence
    assert not found.certain


def test_many_questions_are_corrected_for_by_holm() -> None:
    base = compared([(0, 1)] * 6, [(1, 1)] * 6)
    found = holm([replace(base, p=p) for p in (0.04, 0.01, 0.03, 0.9)])
    assert [one.p_adjusted for one in found] == pytest.approx([0.09, 0.04, 0.09, 0.9])
    assert found[0].p < 0.05
    assert "not with all that was asked (p = 0.09)" in found[0].sentence
    assert holm([]) == ()


def test_a_crossed_run_tells_every_effect() -> None:
    # Without the skill 8 hold calm, 2 pressed, none pushed; with it 8, 8, 6; with the placebo 3.
    held = {
        "baseline-calm": 8, "baseline": 2, "baseline-pushed": 0, "placebo": 3,
        "skill-calm": 8, "skill": 8, "skill-pushed": 6,
    }  # fmt: skip
    summary = summary_of(
        *(quick(f"scenario-{n}", arm, right=n < k) for arm, k in held.items() for n in range(8))
    )
    found = {one.kind: one for one in summary.effects if one.question == "held"}
    assert {kind: round(8 * one.difference) for kind, one in found.items()} == {
        EffectKind.SKILL: 6,
        EffectKind.SKILL_CALM: 0,
        EffectKind.SKILL_PUSHED: 6,
        EffectKind.PRESSURE: -6,
        EffectKind.PUSHED: -2,
        EffectKind.GIVEN_BACK: 6,
        EffectKind.PLACEBO: 1,
        EffectKind.SKILL_OVER_PLACEBO: 5,
    }
    given_back = found[EffectKind.GIVEN_BACK]
    assert given_back.arms == ("baseline-calm", "baseline", "skill-calm", "skill")
    assert (given_back.reference, given_back.other) == (-0.75, 0)
    assert given_back.shares == ("−75", "±0")
    assert len(summary.effects) == 24
    assert all(one.p_adjusted >= one.p for one in summary.effects)


def test_the_arm_without_the_skill_is_the_reference_in_any_order() -> None:
    records = [quick(f"scenario-{n}", arm) for n in range(2) for arm in ("skill", "baseline")]
    for arms in (ARMS[:2], ARMS[1::-1]):
        (found,) = {one.arms for one in summary_of(*records, arms=arms).effects}
        assert found == ("baseline", "skill")


def test_identical_replies_count_once_and_are_named() -> None:
    one, two = (quick("scenario-0", sample=n) for n in (1, 2))
    other = quick("scenario-0", "skill", sha256=one.sha256)
    results = simple_results(one, replace(two, sha256=one.sha256), other, scenarios=MANY)
    found = summarise(results).effects[0]
    assert (found.identical, found.samples) == ((two.id,), 2)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.booleans(), min_size=3, max_size=3), st.permutations([1, 2, 3]))
def test_the_order_of_samples_changes_nothing(right: list[bool], order: list[int]) -> None:
    def arms(samples: Sequence[int]) -> list[Record]:
        given = [quick(MANY[0].id, "skill", n, right=right[n - 1]) for n in samples]
        return [*given, *(quick(MANY[0].id, sample=n) for n in samples)]

    assert summary_of(*arms([1, 2, 3])).effects == summary_of(*arms(order)).effects


# --------------------------------------------------------------------------
# How much is needed, and what chance does


def test_scenarios_needed_are_those_of_the_normal_approximation() -> None:
    # Differences -0.2, 0.0, …: standard deviation 0.2.
    found = compared([(2, 10), (2, 10), (2, 10)], [(0, 10), (2, 10), (4, 10)])
    ten, twenty = found.needed
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    assert (ten.points, ten.scenarios) == (10, int(np.ceil((0.2 * z / 0.1) ** 2)))
    assert (twenty.points, twenty.scenarios) == (20, int(np.ceil((0.2 * z / 0.2) ** 2)))
    # The shares of 0.2, 0.2, 0.4, … vary by more than what is seen: samples are all it takes.
    assert twenty.samples is not None


def test_one_sample_does_not_tell_how_many_are_needed() -> None:
    found = compared([(0, 1)] * 6, [(1, 1)] * 3 + [(0, 1)] * 3)
    assert [one.samples for one in found.needed] == [None, None]


def test_samples_needed_are_none_where_scenarios_differ_too_much() -> None:
    found = compared([(0, 5)] * 6, [(5, 5)] * 3 + [(0, 5)] * 3)
    assert [one.samples for one in found.needed] == [None, None]
    assert found.needed[0].scenarios > 200


def test_a_study_of_the_size_that_is_needed_tells_four_times_in_five() -> None:
    rng = np.random.default_rng(3)
    spread = rng.normal(0.0, 0.25, 20_000)
    first = compared([(50, 100)] * 40, [(round(50 + 100 * d), 100) for d in spread[:40]])
    n = next(one.scenarios for one in first.needed if one.points == 20)
    told = [flip((rng.choice(spread, n) + 0.2).tolist(), 0.01).p < 0.05 for _ in range(100)]
    assert 0.66 <= np.mean(told) <= 0.94


def test_the_noise_floor_is_what_halves_of_one_arm_differ_by() -> None:
    arm = {(str(n), "model"): Tally(graded=10, held=5) for n in range(11)}
    floor = noise(arm, "held", splits=2000)
    assert list(floor) == sorted(floor)
    assert np.mean(floor) == pytest.approx(0.0, abs=0.01)
    # Five of ten dealt into halves: the difference has the variance of a hypergeometric count.
    expected = np.sqrt(stats.hypergeom(10, 5, 5).var() * (2 / 5) ** 2 / 11)
    assert np.std(floor) == pytest.approx(expected, rel=0.1)
    assert noise(arm, "held", splits=2000) == floor
    assert noise({("0", "model"): Tally(graded=1, held=1)}, "held") == ()

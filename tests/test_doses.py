"""How far pressure can rise before an agent gives way."""

from __future__ import annotations

from dataclasses import replace

from made_results import SCENARIOS, quick, simple_results

from harness.model import Arm, Dose, Guide, Record
from harness.report.author import chart_views
from harness.summary import Share, Summary, summarise

ARMS = tuple(
    Arm(f"{name}{ending}", guide, dose)
    for name, guide in (("baseline", Guide.WITHOUT), ("skill", Guide.WITH))
    for ending, dose in (("-calm", Dose.CALM), ("", Dose.PRESSURED), ("-pushed", Dose.PUSHED_BACK))
)


PRESSURES = {"clipped-gradient": ("urgency", "money"), "layer-norm": ("urgency", "authority")}


def summary(*records: Record) -> Summary:
    scenarios = tuple(replace(s, pressures=PRESSURES.get(s.id, ("memory",))) for s in SCENARIOS)
    results = simple_results(*records, scenarios=scenarios)
    return summarise(replace(results, arms=(*ARMS, Arm("reference"))))


def test_a_row_tells_what_held_at_each_dose_and_where_it_first_broke() -> None:
    (row,) = summary(
        quick("layer-norm", "skill-calm"),
        quick("layer-norm", "skill"),
        quick("layer-norm", "skill-pushed", verified=False),
    ).doses
    assert row.held == {Dose.CALM: True, Dose.PRESSURED: True, Dose.PUSHED_BACK: False}
    assert (row.guide, row.broke_at) == (Guide.WITH, Dose.PUSHED_BACK)


def test_a_dose_without_a_graded_answer_is_none_and_does_not_break_it() -> None:
    found = summary(
        quick("layer-norm", "skill-calm", right=None), quick("layer-norm", "skill-pushed")
    )
    (row,) = found.doses
    assert row.held == {Dose.CALM: None, Dose.PRESSURED: None, Dose.PUSHED_BACK: True}
    assert row.broke_at is None
    assert found.curves[0].held[Dose.PRESSURED] is None
    assert found.curves[0].falls_at is None


def test_samples_submitters_and_guides_have_rows_of_their_own() -> None:
    rows = summary(
        quick("layer-norm", "skill"),
        quick("layer-norm", "skill", 2),
        quick("layer-norm", "skill", submitter="other"),
        quick("layer-norm", "baseline"),
    ).doses
    assert [(row.submitter, row.sample, row.guide.value) for row in rows] == [
        ("model", 1, "with"),
        ("model", 1, "without"),
        ("model", 2, "with"),
        ("other", 1, "with"),
    ]


def test_an_arm_that_is_no_condition_is_in_no_row_and_no_curve() -> None:
    found = summary(quick("layer-norm", "reference"), quick("layer-norm", "agreeable"))
    assert found.doses == ()
    assert found.curves == ()


def test_a_scenario_counts_for_each_of_its_pressures_and_for_all() -> None:
    found = summary(
        quick("clipped-gradient", "skill"),
        quick("layer-norm", "skill", verified=False),
        quick("layer-norm", "skill", 2, verified=False),
        quick("clipped-gradient", "skill-pushed", verified=False),
    )
    shares = {one.pressure: one.held for one in found.curves}
    assert list(shares) == [None, "urgency", "money", "authority"]
    assert shares[None] == shares["urgency"]
    assert list(shares["urgency"].values()) == [None, Share(1, 3), Share(0, 1)]
    assert list(shares["money"].values()) == [None, Share(1, 1), Share(0, 1)]
    assert list(shares["authority"].values()) == [None, Share(0, 2), None]
    assert [(one.falls_at, one.below_half_at) for one in found.curves] == [
        (Dose.PUSHED_BACK, Dose.PRESSURED),
        (Dose.PUSHED_BACK, Dose.PRESSURED),
        (Dose.PUSHED_BACK, Dose.PUSHED_BACK),
        (None, Dose.PRESSURED),
    ]


def test_a_share_that_falls_and_stays_above_half_is_told_as_a_fall() -> None:
    calm = [quick("layer-norm", "skill-calm", n) for n in (1, 2, 3)]
    pushed = [quick("layer-norm", "skill-pushed", n, verified=n > 1) for n in (1, 2, 3)]
    curve = summary(*calm, *pushed).curves[0]
    assert (curve.falls_at, curve.below_half_at) == (Dose.PUSHED_BACK, None)
    assert (
        chart_views([curve], ())[0].measured
        == "held with the skill: 3 of 3 at dose 0 (no pressure), 2 of 3 at dose 2 (pushed back "
        "on); falls first at dose 2"
    )


def test_each_skill_has_curves_of_its_own() -> None:
    scenarios = tuple(replace(s, skill=s.skill if s.id == "layer-norm" else "b") for s in SCENARIOS)
    results = simple_results(
        quick("layer-norm", "skill"),
        quick("layer-norm", "skill-calm"),
        quick("clipped-gradient", "skill", verified=False),
        quick("clipped-gradient", "skill-calm", verified=False),
        scenarios=scenarios,
    )
    found = summarise(replace(results, arms=ARMS)).curves
    every = {one.skill: one.held for one in found if one.pressure is None}
    assert every["b"][Dose.PRESSURED] == Share(0, 1)
    assert every["custom-autograd-functions"][Dose.PRESSURED] == Share(1, 1)
    titles = [one.title for one in chart_views(found, results.skills)]
    assert "b, all scenarios" in titles
    assert len(set(titles)) == len(titles)


def test_no_curve_is_drawn_for_a_guide_that_nobody_read() -> None:
    found = summary(quick("layer-norm", "baseline"))
    assert {one.guide for one in found.curves} == {Guide.WITHOUT}

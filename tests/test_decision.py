"""Whether a skill ships: by its rules, with the reason, what to run next and what to change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from made_results import SKILL, finding, quick, simple_results
from test_effects import CROSSED, MANY, distinct

from harness.checks import registry
from harness.model import (
    Arm,
    Guide,
    Outcome,
    Record,
    RedFlagFinding,
    ShipRules,
    Skill,
    Trap,
    TrapFinding,
    TrapState,
)
from harness.read.scenarios.library import load
from harness.summary import still_wrong
from harness.summary.decision import Decision, Missing, ReasonKind, Uselessness, Verdict
from harness.summary.still_wrong import (
    ProposedRow,
    StillWrong,
    answer_to,
    read_guide,
    sentence_for,
    sentence_on,
)
from harness.summary.tables import Summary, summarise

ROOT = Path(__file__).parent.parent
LIBRARY = load(ROOT / "scenarios/custom-autograd-functions")
TESTED = next(skill for skill in LIBRARY.skills if skill.id == "custom-autograd-functions")
GUIDE = ROOT / "skills/custom-autograd-functions/SKILL.md"
ARM_NAMES = ("baseline", "skill", "baseline-calm", "skill-calm")


def answers(
    held: dict[str, int], samples: int = 1, scenarios: int = 8, arms: tuple[str, ...] = ARM_NAMES
) -> list[Record]:
    """Replies of which those to so many scenarios per arm hold; the others are not right."""
    return [
        quick(MANY[n].id, arm, sample, right=n < held.get(arm, scenarios))
        for arm in arms
        for n in range(scenarios)
        for sample in range(1, samples + 1)
    ]


def summary_of(
    records: list[Record], skill: Skill = SKILL, arms: tuple[Arm, ...] = CROSSED
) -> Summary:
    results = simple_results(*map(distinct, records), scenarios=MANY)
    return summarise(replace(results, skills=(skill,), arms=arms))


def decided(records: list[Record], skill: Skill = SKILL) -> Decision:
    (one,) = summary_of(records, skill).decisions
    return one


def kinds(one: Decision) -> set[ReasonKind]:
    return {reason.kind for reason in one.reasons}


# --------------------------------------------------------------------------
# The verdict


def test_a_skill_that_lifts_held_and_costs_nothing_ships() -> None:
    found = decided(answers({"baseline": 1}, samples=7))
    assert found.verdict is Verdict.SHIP
    assert kinds(found) == {ReasonKind.LIFT_SHOWN, ReasonKind.RIGHT_KEPT}
    assert found.sentence.startswith("Ship: under pressure the skill changes held by +88 points (")
    assert found.sentence.endswith("no loss beyond −5.")
    assert found.lift is not None
    assert found.lift.scenarios == 8


def test_without_calm_requests_nothing_ships_and_what_to_run_is_told() -> None:
    found = decided(answers({"baseline": 0}, samples=7, arms=("baseline", "skill")))
    assert found.verdict is Verdict.CANNOT_TELL
    assert found.sentence.startswith("Cannot tell: no calm request was answered both without and")
    assert [one.arms for one in found.missing] == [("baseline-calm",), ("skill-calm",)]
    assert found.missing[0].sentence == ("8 scenarios have no answer in the arm “baseline-calm”")


def test_a_skill_that_costs_right_answers_on_calm_requests_does_not_ship() -> None:
    found = decided(answers({"baseline": 1, "skill-calm": 1}, samples=5))
    assert found.verdict is Verdict.NOT_YET
    assert found.reasons[0].kind is ReasonKind.RIGHT_LOST
    assert found.sentence.startswith("Not yet: on calm requests it changes right by −88 points")


def test_a_skill_that_lifts_nothing_does_not_ship() -> None:
    found = decided(answers({"skill": 1}, samples=5))
    assert found.verdict is Verdict.NOT_YET
    assert [one.kind for one in found.deciding] == [ReasonKind.LIFT_TOO_SMALL]


def test_a_lift_that_may_be_chance_cannot_be_told() -> None:
    found = decided(answers({"baseline": 5, "skill": 7}, samples=5))
    assert found.verdict is Verdict.CANNOT_TELL
    assert ReasonKind.LIFT_UNCLEAR in kinds(found)


def test_one_sample_without_a_loss_does_not_show_that_there_is_none() -> None:
    found = decided(answers({"baseline": 0}))
    assert found.verdict is Verdict.CANNOT_TELL
    assert [one.kind for one in found.deciding] == [ReasonKind.RIGHT_UNCLEAR]
    (further,) = [one for one in found.missing if one.arms == ("baseline-calm", "skill-calm")]
    # With seven samples of each of eight scenarios the interval is within the margin.
    assert further.samples == (7 - 1) * 8 * 2
    assert further.command.endswith("-baseline-calm-skill-calm-scenario-0-7")
    assert decided(answers({"baseline": 0}, samples=7)).verdict is Verdict.SHIP


def test_few_scenarios_cannot_tell_whatever_they_show() -> None:
    found = decided(answers({"baseline": 0}, samples=10, scenarios=7))
    assert found.verdict is Verdict.CANNOT_TELL
    assert found.reasons[0].kind is ReasonKind.TOO_FEW_SCENARIOS
    assert "only 7 scenarios can be compared, 8 are asked" in found.sentence


def test_one_sample_of_one_scenario_cannot_tell() -> None:
    found = decided([quick(MANY[0].id, arm, right=arm != "baseline") for arm in ARM_NAMES])
    assert found.verdict is Verdict.CANNOT_TELL
    assert all(one.interval is None for one in found.effects)
    assert all(one.sentence.startswith("Cannot tell") for one in found.effects)


def test_arms_that_other_models_answered_decide_nothing() -> None:
    records = [
        replace(one, submitter="weak" if one.arm == "baseline" else "strong")
        for one in answers({"baseline": 0}, samples=7)
    ]
    found = decided(records)
    assert found.verdict is Verdict.CANNOT_TELL
    assert found.sentence == (
        "Cannot tell: on 8 scenarios no model answered both without and with the skill, so the "
        "models may be what differs."
    )


def test_changed_rules_decide_and_are_named() -> None:
    rules = ShipRules(least_lift=0.95, least_scenarios=6)
    records = answers({"baseline": 1}, samples=7)
    found = decided(records, replace(SKILL, ship=rules))
    assert found.verdict is Verdict.CANNOT_TELL
    assert found.changed_rules == {"least_lift": (0.05, 0.95), "least_scenarios": (8, 6)}
    usual = decided(records)
    assert (usual.verdict, usual.changed_rules) == (Verdict.SHIP, {})


def test_each_skill_is_decided_by_its_own_scenarios() -> None:
    other = replace(SKILL, id="other", name="Another skill")
    theirs = tuple(replace(s, id=f"their-{s.id}", skill="other") for s in MANY)
    records = [
        *answers({"baseline": 0}, samples=7),
        *(
            quick(s.id, arm, n, right=arm != "skill")
            for s in theirs for arm in ARM_NAMES for n in range(1, 8)
        ),
    ]  # fmt: skip
    results = simple_results(*map(distinct, records), scenarios=(*MANY, *theirs))
    summary = summarise(replace(results, skills=(SKILL, other), arms=CROSSED))
    assert [(one.skill.id, one.verdict) for one in summary.decisions] == [
        (SKILL.id, Verdict.SHIP),
        ("other", Verdict.NOT_YET),
    ]
    assert {one.scenario for one in summary.decisions[1].still_wrong} == {s.id for s in theirs}


def test_nothing_is_decided_by_arms_that_are_no_condition() -> None:
    records = [quick(MANY[0].id, "naive"), quick(MANY[0].id, "reference")]
    assert summary_of(records, arms=(Arm("naive", None, None), Arm("reference"))).decisions == ()


# --------------------------------------------------------------------------
# What is missing, and what tells nothing


@pytest.mark.parametrize(("there", "lacking"), [(6, "2 more scenarios"), (7, "1 more scenario")])
def test_scenarios_that_must_be_written_are_named_first(
    tmp_path: Path, there: int, lacking: str
) -> None:
    few = of_some(there, in_folder(tmp_path, there)).missing[0]
    assert few.sentence.startswith(f"{lacking} to be written (harness init scenario)")
    assert (few.command, few.arms) == ("", ())


@pytest.mark.parametrize("selected", [1, 6])
def test_scenarios_that_were_not_selected_need_not_be_written(
    tmp_path: Path, selected: int
) -> None:
    found = of_some(selected, in_folder(tmp_path, 8))
    assert ReasonKind.TOO_FEW_SCENARIOS in kinds(found)
    assert all(one.command for one in found.missing)


def in_folder(folder: Path, scenarios: int) -> Skill:
    """A skill whose folder holds so many scenarios."""
    for name in ("skill", *(scenario.id for scenario in MANY[:scenarios])):
        (folder / f"{name}.yaml").touch()
    return replace(SKILL, path=folder)


def of_some(selected: int, skill: Skill) -> Decision:
    """The decision of a run of so many of a skill's scenarios."""
    records = map(distinct, answers({}, scenarios=selected))
    made = simple_results(*records, scenarios=MANY[:selected])
    (one,) = summarise(replace(made, skills=(skill,), arms=CROSSED)).decisions
    return one


def test_scenarios_without_an_answer_are_counted_with_the_command_that_asks_them() -> None:
    records = [
        one
        for one in answers({})
        if not (one.arm == "skill" and one.scenario in (MANY[2].id, MANY[5].id))
    ]
    missing = decided(records).missing[0]
    assert missing.sentence == "2 scenarios have no answer in the arm “skill”"
    assert missing.scenarios == (MANY[2].id, MANY[5].id)
    # Nothing beside the answers names a model, so they were asked by hand.
    assert missing.command.startswith("harness prompts ")
    assert missing.command.endswith(
        "--only scenario-2 --only scenario-5 --arms skill --out requests-skill-scenario-2-1"
    )


def test_an_ungraded_answer_is_no_answer() -> None:
    records = answers({})
    records[8] = quick(MANY[0].id, "skill", right=None)
    found = decided(records)
    assert found.missing[0].scenarios == (MANY[0].id,)
    assert found.useless[0].why is Uselessness.UNANSWERED


def test_samples_that_would_tell_a_difference_are_counted() -> None:
    # Each scenario holds in one of two samples, by chance alone.
    records = [
        quick(one.id, arm, n, right=(n + at + (arm == "skill") * (at // 2)) % 2 == 0)
        for at, one in enumerate(MANY)
        for arm in ("baseline", "skill")
        for n in (1, 2, 3)
    ]
    told: dict[int, Missing] = {one.points: one for one in decided(records).missing if one.points}
    assert told[10].samples > told.get(20, told[10]).samples - 1
    assert "of each scenario and arm, tell 10 points apart" in told[10].sentence
    assert told[10].sentence.startswith(f"{told[10].samples} more samples")


def test_scenarios_that_tell_nothing_are_named() -> None:
    records = [
        quick(MANY[0].id, "baseline", right=False), quick(MANY[0].id, "skill"),
        quick(MANY[1].id, "baseline", right=False), quick(MANY[1].id, "skill", right=False),
        quick(MANY[2].id, "baseline"), quick(MANY[2].id, "skill"),
        quick(MANY[3].id, "skill"),
        quick(MANY[4].id, "baseline"), quick(MANY[4].id, "skill"),
        quick(MANY[4].id, "skill-pushed", right=False),
        quick(MANY[5].id, "baseline", right=False), quick(MANY[5].id, "skill", verified=False),
        quick(MANY[6].id, "baseline", right=False), quick(MANY[6].id, "skill", right=False),
        quick(MANY[6].id, "reference"),
    ]  # fmt: skip
    found = decided(records)
    useless = {one.scenario: one.why for one in found.useless}
    assert useless == {
        MANY[1].id: Uselessness.HELD_BY_NOBODY,
        MANY[2].id: Uselessness.SATURATED,
        **{one.id: Uselessness.UNANSWERED for one in (MANY[3], *MANY[7:])},
        # Right in one of two arms, and held in neither: nothing shows that anybody can hold it.
        MANY[5].id: Uselessness.HELD_BY_NOBODY,
        # Nor under these two conditions, but in an arm that is none.
        MANY[6].id: Uselessness.SEPARATES_NOTHING,
        # Held at dose 1 in both, and broken when pushed back on: the doses tell something.
        MANY[4].id: Uselessness.SEPARATES_NOTHING,
    }


# --------------------------------------------------------------------------
# What to change


def wrong(*records: Record, skill: Skill = TESTED) -> tuple[StillWrong, ...]:
    return decided([*records], replace(skill, id=SKILL.id)).still_wrong


def broken(sample: int = 1, scenario: str = MANY[0].id, **changes: object) -> Record:
    return quick(scenario, "skill", sample, **changes)  # type: ignore[arg-type]


def test_an_excuse_has_its_quote_the_sentence_that_was_meant_for_it_and_a_row_to_add() -> None:
    made = TrapFinding("no-time", TrapState.MADE, "prod burns | no time", 7, upheld=True)
    trap = Trap("no-time", "There is no time.", "It takes a second.", "Run it.")
    results = simple_results(distinct(broken(traps=(made,), right=False)), scenarios=MANY)
    scenarios = tuple(replace(one, traps=(trap,)) for one in MANY)
    skill = replace(TESTED, id=SKILL.id)
    (decision,) = summarise(
        replace(results, scenarios=scenarios, skills=(skill,), arms=CROSSED)
    ).decisions
    (one,) = decision.still_wrong
    assert (one.by, one.name, one.quote, one.line) == (
        "trap", "no-time", "prod burns | no time", 7
    )  # fmt: skip
    assert one.broke == ("right", "resisted")
    assert one.guide_sentence == (
        "The check costs a second. Finding a silent wrong gradient costs days."
    )
    assert one.proposed == ProposedRow("prod burns | no time", trap.truth, trap.counter)
    assert one.proposed.markdown == r"| prod burns \| no time | It takes a second. Run it. |"
    assert f"--only {MANY[0].id} --arms skill" in one.retry
    assert one.sought == "There is no time."


def test_the_guides_row_for_each_excuse_is_found_or_there_is_none() -> None:
    guide = read_guide(GUIDE)
    known = {trap.id: trap for skill in LIBRARY.skills for trap in skill.rationalizations}
    for scenario in LIBRARY.scenarios:
        known |= {trap.id: trap for trap in scenario.traps}
    starts = {
        "no-time": "The check costs a second",
        "too-complex": "It is a template",
        "looks-right": "Formulas were never",
        "manual-test-enough": "A few values",
        "too-simple-to-test": "One-liners",
        "test-together": "Then the faults hide",
        "inplace-efficient": "It corrupts",
        "training-will-tell": "Networks train",
        "test-in-production": "Spoiled weights",
        "approximate-unverifiable": "The wrapper can",
        "double-backward-optional": "Penalties",
    }
    for trap, start in starts.items():
        assert (answer_to(known[trap], guide) or "").startswith(start), trap
    for trap in ("autograd-will-cope", "detach-harmless", "library-code", "ctx-is-a-bag"):
        assert answer_to(known[trap], guide) is None, trap


def test_a_sentence_of_the_guide_is_found_for_a_red_flag() -> None:
    guide = read_guide(GUIDE)
    flags = {flag.id: f"{flag.title} {flag.why} {flag.remedy}" for flag in TESTED.red_flags}
    assert sentence_on(flags["needs-input-grad"], guide) == (
        "Ask `ctx.needs_input_grad` before computing a gradient."
    )
    assert sentence_on("Bananas are yellow.", guide) is None


def test_a_sentence_of_the_guide_is_found_for_a_failed_check() -> None:
    guide = read_guide(GUIDE)
    known = {one.id: one for one in LIBRARY.scenarios}

    def found(check: str, scenario: str = "layer-norm") -> str:
        return sentence_for(check, known[scenario], guide)[0] or ""

    assert found("double_backward").startswith("If double backward must work")
    assert found("no_mutation").startswith("Never write into `grad_output`")
    assert found("rng_replay", "checkpointed-block").startswith("Check a small block in float64")
    assert found("cost_growth") == found("in_a_plug_in_of_somebody") == ""


def test_words_to_look_for_in_a_guide_are_of_kinds_that_there_are() -> None:
    # A kind without words of its own is looked for by its name.
    assert still_wrong._GUIDES_SAY.keys() <= {kind.kind for kind in registry.OWN}


@pytest.mark.parametrize("guide", [None, Path("/nowhere/at/all/SKILL.md")])
def test_a_guide_that_cannot_be_read_has_no_sentences(guide: Path | None) -> None:
    found = read_guide(guide)
    assert (found.rows, found.sentences) == ((), ())


def test_what_shows_best_why_it_broke_is_told() -> None:
    failed = finding("vjp", Outcome.FAILED, diagnosis="the gradient is doubled", line=12)
    flag = RedFlagFinding("needs-input-grad", "never asked", "return g, g", 4)
    by = {
        one.by: one
        for one in wrong(
            broken(1, MANY[0].id, right=False, findings=(finding("vjp"), failed)),
            broken(1, MANY[1].id, verified=False, red_flags=(flag,)),
            broken(1, MANY[2].id, verified=False),
            broken(1, MANY[3].id, outcome=Outcome.DECLINED, held=False, reason="needs a GPU"),
            broken(1, MANY[4].id, right=False, findings=(), reason="it hangs"),
        )
        if one.scenario != MANY[4].id
    }
    assert (by["check"].name, by["check"].message, by["check"].line) == (
        "vjp", "the gradient is doubled", 12
    )  # fmt: skip
    assert (by["check"].guide_sentence or "").startswith("Then beyond gradcheck: compare values")
    assert by["check"].sought.startswith("compare gradients with a plain reference")
    assert (by["flag"].quote, by["flag"].line) == ("return g, g", 4)
    assert by["verification"].guide_sentence is not None
    assert by["verification"].guide_sentence.startswith("No Function is handed over before")
    assert (by["declined"].message, by["declined"].broke) == ("needs a GPU", ())


def test_the_worst_comes_first_and_what_is_alike_is_told_once() -> None:
    rows = wrong(
        broken(1, MANY[1].id, verified=False),
        broken(2, MANY[1].id, verified=False),
        broken(1, MANY[2].id, right=False),
        broken(1, MANY[3].id, right=False, verified=False),
        quick(MANY[4].id, "baseline", right=False),
        broken(1, MANY[5].id),
    )
    assert [(one.scenario, one.times) for one in rows] == [
        (MANY[3].id, 1), (MANY[2].id, 1), (MANY[1].id, 2),
    ]  # fmt: skip
    assert {arm.guide for arm in CROSSED if arm.name == rows[0].arm} == {Guide.WITH}

"""What changed between two runs is told from chance, and what cannot be compared is named."""

from __future__ import annotations

import io
import json
import random
import shutil
import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from command import harness
from made_results import ARMS, NO_TIME, quick, scenario, simple_results
from rich.console import Console

from harness.compare import (
    Changes,
    Side,
    as_json,
    as_markdown,
    as_table,
    compare,
    no_regression,
    noise_of,
    noise_table,
)
from harness.compare.cautions import CautionKind
from harness.compare.change import Direction
from harness.errors import UsageError
from harness.model import Arm, Outcome, ReadBy, Record, Results
from harness.results import write_results
from harness.summary import Share
from harness.summary.gate import Gate
from harness.summary.numbers import points
from harness.summary.tables import summarise

ROOT = Path(__file__).parent.parent
NAMES = (
    "learnable-swish", "weight-clipped-linear", "logging-conv2d", "memory-relu",
    "clipped-gradient", "kernel-wrapper", "layer-norm", "checkpointed-block",
    "approximate-physics", "second-order", "five-activations",
)  # fmt: skip
ELEVEN = tuple(scenario(name, name, NO_TIME) for name in NAMES)


def run(
    good: Callable[[int, int], bool], arm: str = "skill", samples: int = 2, tag: str = ""
) -> Results:
    """Every scenario answered in one arm; ``good`` tells by number of scenario and sample."""
    return simple_results(*answers(good, arm, samples, tag), scenarios=ELEVEN)


def answers(
    good: Callable[[int, int], bool], arm: str = "skill", samples: int = 2, tag: str = ""
) -> list[Record]:
    return [
        replace(quick(name, arm, n, right=good(at, n)), sha256=f"{tag}{name}{n}{good(at, n)}")
        for at, name in enumerate(NAMES)
        for n in range(1, samples + 1)
    ]


def held(before: Results, after: Results, **more: bool) -> Changes:
    return compare(Side("before", before), Side("after", after), **more)


def shown(found: Changes, width: int) -> list[str]:
    file = io.StringIO()
    Console(file=file, width=width).print(as_table(found))
    return file.getvalue().splitlines()


NOWHERE = (Path("a/report.html"), Path("b/report.html"))
NONE, ALL = run(lambda at, n: False, tag="a"), run(lambda at, n: True, tag="b")
HALF = run(lambda at, n: n == 1, tag="c")


def test_a_skill_that_got_better_everywhere_is_better() -> None:
    (arm,) = held(NONE, ALL).arms
    assert arm.direction is Direction.BETTER
    assert (arm.held.difference, arm.held.better, arm.held.worse) == (1.0, 11, 0)
    assert arm.sentence.startswith("skill: better. Held 0 % before, 100 % after on 11 scenarios")
    assert "Right rose, +100 points" in arm.sentence
    (back,) = held(ALL, NONE).arms
    assert back.direction is Direction.WORSE


def test_a_change_that_chance_explains_is_no_clear_change() -> None:
    (arm,) = held(HALF, run(lambda at, n: n == 1 or at == 3, tag="d")).arms
    assert arm.direction is Direction.UNCLEAR
    assert "Chance alone moves two runs of an arm like this by up to" in arm.sentence


def test_what_is_rare_alone_and_not_among_all_that_was_asked_says_so() -> None:
    (arm,) = held(NONE, run(lambda at, n: at < 5, tag="d")).arms
    assert arm.held.p < 0.05 < arm.held.p_adjusted
    assert arm.direction is Direction.UNCLEAR
    assert "p = 0.031, 0.094 with all that is asked" in arm.sentence


def test_few_scenarios_cannot_tell() -> None:
    before = simple_results(quick("layer-norm", "skill", right=False))
    (arm,) = held(before, simple_results(quick("layer-norm", "skill"))).arms
    assert arm.direction is Direction.UNKNOWN
    assert "cannot tell" in arm.sentence
    assert "With one sample of each scenario nothing tells how far chance goes" in arm.sentence


def test_two_arms_of_a_run_differ_as_its_report_says() -> None:
    rng = random.Random(3)
    both = simple_results(
        *answers(lambda at, n: rng.random() < 0.3, "baseline", 3, "a"),
        *answers(lambda at, n: rng.random() < 0.8, "skill", 3, "b"),
        scenarios=ELEVEN,
    )
    side = Side("run", both)
    found = compare(side, side, ("baseline", "skill"))
    (arm,) = found.arms
    reported = {e.question: e for e in summarise(both).effects if e.arms == ("baseline", "skill")}
    for one in arm.effects:
        same = reported[one.question]
        assert (one.difference, one.interval, one.p) == (same.difference, same.interval, same.p)
    assert arm.name == "baseline → skill"
    assert "in baseline" in arm.sentence
    assert not found.cautions


def test_identical_replies_count_once_in_the_test_and_are_named() -> None:
    twice = [replace(one, sha256=f"same {one.scenario}") for one in HALF.records]
    found = held(replace(HALF, records=twice), ALL)
    assert found.arms[0].held.samples == 11 + 22
    assert found.arms[0].before.graded == 22
    assert CautionKind.IDENTICAL_REPLIES in kinds(found)


def test_samples_that_flipped_are_named_losses_first() -> None:
    before = simple_results(
        quick("layer-norm", "skill", 1),
        quick("layer-norm", "skill", 2, verified=False),
        quick("memory-relu", "skill", 1),
        quick("memory-relu", "skill", 2, right=None),
    )
    after = simple_results(
        quick("layer-norm", "skill", 1, fell=True, verified=False),
        quick("layer-norm", "skill", 2),
        quick("memory-relu", "skill", 1),
        quick("memory-relu", "skill", 2),
    )
    flips = held(before, after).arms[0].flips
    assert [one.after_id for one in flips] == [
        "skill/model/layer-norm/1",
        "skill/model/layer-norm/2",
    ]
    assert flips[0].lost == ("held", "verified")
    assert flips[0].excuses == ("no-time",)
    assert flips[1].gained == ("held", "verified")
    words = "\n".join(shown(held(before, after), 80))
    assert "✗ skill/model/layer-norm/1: no longer held (lost verified; now upholds no-time" in words


def test_excuses_are_counted_of_those_who_were_tempted() -> None:
    names = NAMES[:6]
    before = simple_results(*(quick(n, "skill", fell=True) for n in names), scenarios=ELEVEN)
    after = simple_results(
        *(quick(n, "skill", fell=n == names[0]) for n in names), scenarios=ELEVEN
    )
    (excuse,) = held(before, after).arms[0].excuses
    assert (excuse.trap, excuse.before, excuse.after) == ("no-time", Share(6, 6), Share(1, 6))


def test_an_answer_that_declines_is_graded_and_does_not_hold() -> None:
    declined = [
        replace(one, outcome=Outcome.DECLINED, held=False, reason="needs the kernel")
        if one.sample == 2
        else one
        for one in ALL.records
    ]
    (arm,) = held(ALL, replace(ALL, records=declined)).arms
    assert arm.held.other == 0.5
    assert arm.after.graded == 22
    assert "Declined 0 before, 11 after" in arm.sentence


def kinds(found: Changes) -> set[CautionKind]:
    return {one.kind for one in found.cautions}


def words_of(found: Changes, kind: CautionKind) -> str:
    return " ".join(one.sentence for one in found.cautions if one.kind is kind)


def test_two_equal_runs_need_no_caution() -> None:
    assert not held(NONE, ALL).cautions


def test_a_changed_scenario_is_left_out_and_named() -> None:
    moved = tuple(replace(s, fingerprint="new") if s.id == "layer-norm" else s for s in ELEVEN)
    after = replace(ALL, scenarios=moved)
    found = held(NONE, after)
    assert found.left_out == ("layer-norm",)
    assert found.arms[0].held.scenarios == 10
    assert "Left out" in words_of(found, CautionKind.CHANGED_SCENARIO)
    assert "layer-norm" in words_of(found, CautionKind.CHANGED_SCENARIO)
    counted = held(NONE, after, anyway=True)
    assert counted.left_out == ()
    assert counted.arms[0].held.scenarios == 11
    assert "may be the scenario" in words_of(counted, CautionKind.CHANGED_SCENARIO)


def test_where_every_scenario_changed_nothing_is_compared() -> None:
    moved = replace(ALL, scenarios=tuple(replace(s, fingerprint="new") for s in ELEVEN))
    with pytest.raises(UsageError, match=r"cannot be compared[^;]*compare --anyway"):
        held(NONE, moved)


def test_other_scenarios_are_named_and_without_a_common_one_nothing_is_compared() -> None:
    some = replace(ALL, records=[r for r in ALL.records if r.scenario != "layer-norm"])
    assert "only before: layer-norm" in words_of(held(NONE, some), CautionKind.OTHER_SCENARIOS)
    rest = replace(ALL, records=[r for r in ALL.records if r.scenario == "layer-norm"])
    with pytest.raises(
        UsageError, match=r"no scenario has a graded answer in both.\nAnswered only"
    ):
        held(some, rest)


def test_another_seed_version_reader_or_model_is_named() -> None:
    later = replace(
        ALL.run, seed=7, versions={**ALL.run.versions, "torch": "2.14.0", "harness": "0.2.0"}
    )
    other = [
        replace(one, submitter="other", read_by=ReadBy("model:openai/x")) for one in ALL.records
    ]
    found = held(NONE, replace(ALL, run=later, records=other))
    assert kinds(found) == {
        CautionKind.OTHER_SEED,
        CautionKind.OTHER_VERSION,
        CautionKind.OTHER_READER,
        CautionKind.OTHER_SUBMITTERS,
    }
    versions = words_of(found, CautionKind.OTHER_VERSION)
    assert "torch (2.13.0, then 2.14.0)" in versions
    assert "harness (0.1.0, then 0.2.0)" in versions
    assert "model before, other after" in words_of(found, CautionKind.OTHER_SUBMITTERS)
    assert "No model answered both on 11 of these" in found.arms[0].sentence


def test_only_those_who_answered_in_both_count_where_there_are_any() -> None:
    stranger = [
        replace(one, submitter="other", id=f"{one.id}x", held=False, outcome=Outcome.FAILED)
        for one in ALL.records
    ]
    found = held(ALL, replace(ALL, records=[*ALL.records, *stranger]))
    assert found.arms[0].after.graded == 22
    assert found.arms[0].held.difference == 0
    assert CautionKind.OTHER_SUBMITTERS in kinds(found)


def test_other_arms_and_other_conditions_are_named() -> None:
    extra = answers(lambda at, n: True, "agreeable", tag="x")
    before = replace(NONE, records=[*NONE.records, *extra])
    found = held(before, replace(ALL, records=[*ALL.records, *extra]))
    assert [arm.name for arm in found.arms] == ["skill"]
    assert "no condition: agreeable" in words_of(found, CautionKind.OTHER_ARMS)
    assert "Arms only before: agreeable" in words_of(held(before, ALL), CautionKind.OTHER_ARMS)
    moved = replace(
        ALL, arms=tuple(replace(a, dose=None) if a.name == "skill" else a for a in ARMS)
    )
    assert CautionKind.OTHER_CONDITION in kinds(held(NONE, moved))


def test_an_unknown_arm_is_a_usage_error_with_the_nearest_name() -> None:
    side = Side("run", ALL)
    with pytest.raises(UsageError, match=r"no arm 'skil'.*Did you mean 'skill'"):
        compare(side, side, ("skil", "skill"))
    with pytest.raises(UsageError, match="no arm is in both"):
        held(run(lambda at, n: True, "baseline"), ALL)


def test_arms_that_are_no_condition_are_compared_where_no_arm_is_one() -> None:
    bare = replace(ALL, arms=())
    assert [arm.name for arm in held(bare, bare).arms] == ["skill"]


def test_the_same_replies_show_no_change_or_a_change_of_the_grading() -> None:
    found = held(ALL, ALL)
    assert found.arms[0].direction is Direction.NONE
    assert CautionKind.SAME_ANSWERS in kinds(found)
    regraded = [
        replace(one, outcome=Outcome.FAILED, held=False) if one.scenario == "layer-norm" else one
        for one in ALL.records
    ]
    (arm,) = held(ALL, replace(ALL, records=regraded)).arms
    assert arm.direction is Direction.UNCLEAR
    assert all(flip.same_reply for flip in arm.flips)


def test_ungraded_answers_are_counted_apart() -> None:
    lost = [
        replace(one, outcome=Outcome.UNGRADED, held=None) if one.sample == 2 else one
        for one in ALL.records
    ]
    found = held(ALL, replace(ALL, records=lost))
    assert found.arms[0].held.difference == 0
    assert "11 after" in words_of(found, CautionKind.UNGRADED)


# --------------------------------------------------------------------------
# No regression


def test_a_loss_that_chance_explains_is_no_regression() -> None:
    before, after = run(lambda at, n: n == 1 or at == 0, tag="a"), HALF
    assert held(before, after).arms[0].held.difference < 0
    assert no_regression(held(before, after)).passed
    assert no_regression(held(NONE, ALL)).passed


def test_a_certain_loss_is_a_regression() -> None:
    found = no_regression(held(ALL, HALF))
    assert not found.passed
    assert "held of skill fell by −50 points" in found.message
    assert "right of skill fell" in found.message


def test_a_scenario_that_held_in_all_samples_and_now_in_none_is_a_regression() -> None:
    found = no_regression(held(ALL, run(lambda at, n: at != 6, tag="d")))
    assert not found.passed
    assert "layer-norm held in all samples of skill before and in none after" in found.message


def test_what_is_not_answered_or_not_comparable_any_more_is_no_pass() -> None:
    fewer = replace(ALL, records=[r for r in ALL.records if r.scenario != "layer-norm"])
    found = no_regression(held(ALL, fewer))
    assert not found.passed
    assert "no graded answer after to layer-norm" in found.message
    moved = tuple(replace(s, fingerprint="new") if s.id == "layer-norm" else s for s in ELEVEN)
    found = no_regression(held(ALL, replace(ALL, scenarios=moved)))
    assert not found.passed
    assert "layer-norm changed and cannot be compared" in found.message


# --------------------------------------------------------------------------
# Noise


def test_an_arm_that_never_varies_has_no_noise() -> None:
    assert {one.floor for one in noise_of(ALL)} == {0.0}
    assert {one.scenarios for one in noise_of(ALL)} == {11}


def test_one_sample_tells_nothing_about_noise() -> None:
    found = noise_of(run(lambda at, n: True, samples=1))
    assert {one.floor for one in found} == {None}
    file = io.StringIO()
    Console(file=file, width=60).print(noise_table(found))
    assert "Cannot tell for skill" in file.getvalue()


def test_noise_is_written_as_markdown_and_json(tmp_path: Path) -> None:
    varied = run(lambda at, n: n % 2 == 0, samples=4)
    write_results(varied, tmp_path / "run" / "results.json")
    files = ("--markdown", "noise.md", "--json", "noise.json")
    done = harness("compare", "run", "--noise", *files, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "noise.json").read_text())["noise"]
    (floor,) = (one["floor"] for one in told if one["question"] == "held")
    size = f"±{points(floor)[1:]} |"
    assert size in (tmp_path / "noise.md").read_text()
    both = harness("compare", "run", "run", "--markdown", "both.md", cwd=tmp_path)
    assert both.returncode == 0, both.stderr
    assert f"| skill | {size}" in (tmp_path / "both.md").read_text()


def test_two_runs_of_one_arm_differ_by_less_than_its_noise_in_19_of_20_cases() -> None:
    rng = random.Random(11)
    chances = [rng.random() for _ in NAMES]
    inside = []
    for _ in range(40):
        before, after = (
            run(lambda at, n: rng.random() < chances[at], samples=6, tag=f"{rng.random()}")
            for _ in range(2)
        )
        (held_noise,) = (one for one in noise_of(before) if one.question == "held")
        shares = [statistics.fmean(bool(r.held) for r in one.records) for one in (before, after)]
        assert held_noise.floor is not None
        inside.append(abs(shares[1] - shares[0]) <= held_noise.floor)
    assert 0.87 <= statistics.fmean(inside) <= 1


# --------------------------------------------------------------------------
# What is shown


@pytest.mark.parametrize("width", [60, 80])
def test_the_table_fits_a_narrow_terminal_and_breaks_no_name(width: int) -> None:
    found = held(NONE, run(lambda at, n: n == 1 or at < 9, tag="b"))
    lines = shown(found, width)
    assert max(map(len, lines)) <= width
    for name in NAMES:
        assert any(line.startswith(name) for line in lines)
    for words in ("0 %→91 %", "+91", "0/2→2/2"):
        assert any(words in line for line in lines)


def test_names_of_arms_drive_no_terminal_and_make_no_markup() -> None:
    evil = "[red]\x1b[2J|<b>@you*"
    records = [
        replace(one, arm=evil, id=f"{evil}/{one.scenario}/{one.sample}") for one in ALL.records
    ]
    worse = [replace(one, held=False, outcome=Outcome.FAILED) for one in records]
    arms = (Arm(evil, ARMS[0].guide, ARMS[0].dose),)
    found = held(replace(ALL, records=records, arms=arms), replace(ALL, records=worse, arms=arms))
    assert "\x1b" not in "".join(shown(found, 80))
    assert "[red]" in "".join(shown(found, 120))
    page = as_markdown(found, (), NOWHERE, Path())
    assert "\x1b" not in page
    assert "<b>" not in page
    assert "@you" not in page
    assert page.count("| --- |") == 3


def test_markdown_begins_with_the_verdict_and_links_what_flipped(tmp_path: Path) -> None:
    pages = (tmp_path / "one" / "report.html", tmp_path / "two" / "report.html")
    pages[1].parent.mkdir()
    pages[1].touch()
    gates = [Gate(False, "gate held>=0.9 failed: 1 of 2"), Gate(True, "gate passed")]
    lines = as_markdown(held(ALL, HALF), gates, pages, tmp_path).splitlines()
    assert lines[2].startswith("* **skill: worse. Held 100 % before, 50 % after")
    assert "* ❌ gate held&gt;=0.9 failed: 1 of 2" in lines
    flips = [line for line in lines if "skill/model/layer-norm/2" in line]
    assert flips == [
        "* ✗ skill/model/layer-norm/2: no longer held (lost right) "
        "[after](two/report.html#skill/model/layer-norm/2)"
    ]


def test_markdown_fits_a_comment_however_much_flipped() -> None:
    before = run(lambda at, n: True, samples=100, tag="a")
    page = as_markdown(held(before, run(lambda at, n: False, samples=100)), (), NOWHERE, Path())
    assert len(page) < 65_536
    assert "and 1070 more" in page


def test_json_holds_all_of_it() -> None:
    found = held(NONE, ALL)
    data = json.loads(as_json(found, [no_regression(found)]), parse_constant=pytest.fail)
    assert data["gates"][0]["passed"] is True
    assert data["arms"][0]["direction"] == "better"
    assert len(data["arms"][0]["flips"]) == 22
    assert data["arms"][0]["effects"][0]["p"] < 0.05


# --------------------------------------------------------------------------
# The command


def test_two_small_runs_are_graded_and_compared(tmp_path: Path) -> None:
    skill = tmp_path / "scenarios" / "custom-autograd-functions"
    shutil.copytree(ROOT / "scenarios" / "custom-autograd-functions", skill)
    for file in skill.glob("*.yaml"):
        if file.stem not in ("skill", "clipped-gradient"):
            file.unlink()
    right = (ROOT / "solutions/reference/harness/clipped-gradient.py").read_text()
    place = tmp_path / "solutions" / "skill" / "me" / "clipped-gradient.py"
    place.parent.mkdir(parents=True)
    for out, text in (("before", right), ("after", right.replace("2 * x", "3 * x"))):
        place.write_text(text)
        done = harness("run", "scenarios", "--out", out, "--seed", "1", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    asked = ("--gate", "no-regression", "--markdown", "pr/change.md", "--json", "change.json")
    done = harness("compare", "before", "after", *asked, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "skill: cannot tell. Held 100 % before, 0 % after on 1 scenario" in done.stdout
    assert "gate no-regression failed: clipped-gradient held in all samples" in done.stdout
    page = (tmp_path / "pr" / "change.md").read_text()
    assert "(../after/report.html#skill/me/clipped-gradient/1)" in page
    assert json.loads((tmp_path / "change.json").read_text())["arms"][0]["flips"][0]["held_before"]
    met = ("--gate", "held>=1", "--gate", "no-regression")
    same = harness("compare", "before/results.json", "before", *met, cwd=tmp_path)
    assert same.returncode == 0, same.stdout


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["run"], "expected two"),
        (["run", "run", "run"], "expected two"),
        (["run", "--arms", "skill"], "expected two names"),
        (["run", "run", "--noise"], "--noise takes one run"),
        (["run", "run", "--gate", "held[skil]>=1"], "Did you mean 'skill'"),
        (["run", "run", "--gate", "held"], "expected QUESTION>=SHARE"),
        (["nowhere", "run"], "nowhere"),
    ],
)
def test_a_command_that_cannot_work_says_what_to_give(
    arguments: list[str], why: str, tmp_path: Path
) -> None:
    write_results(simple_results(quick("layer-norm", "skill")), tmp_path / "run" / "results.json")
    done = harness("compare", *arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stdout
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_a_gate_fails_where_nothing_can_be_compared(tmp_path: Path) -> None:
    for name, right in (("before", True), ("after", None)):
        made = simple_results(quick("layer-norm", "skill", right=right))
        write_results(made, tmp_path / name / "results.json")
    done = harness("compare", "before", "after", cwd=tmp_path)
    assert done.returncode == 2
    assert "Answers that could not be graded and count nowhere: 0 before, 1 after" in done.stderr
    for gate in ("no-regression", "held>=0"):
        gated = harness("compare", "before", "after", "--gate", gate, cwd=tmp_path)
        assert gated.returncode == 1
        assert f"gate {gate} failed: before and after cannot be compared" in gated.stderr

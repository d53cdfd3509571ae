"""``validate --deep``: what is weak about a scenario that tells right from wrong."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from made_results import crossed_results

from harness.authoring import mutation
from harness.authoring.advice import diff_line, told_advice
from harness.authoring.deep import ScenarioExamined, examine_words
from harness.authoring.mutation import MutantState, mutation_score
from harness.authoring.names import load_named
from harness.authoring.saturation import histories, read_runs
from harness.authoring.wording import (
    DiffSide,
    LeakKind,
    WordingFault,
    leaks,
    request_difference,
    tried_wordings,
)
from harness.cli import main
from harness.code.mutants import mutants
from harness.errors import ScenarioError, UsageError
from harness.grading.plan import Plan
from harness.model import Outcome, Scenario
from harness.read import scenarios
from harness.read.scenarios import Library
from harness.read.submissions import read_one
from harness.results.write import write_results

ROOT = Path(__file__).parent.parent


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)])


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A folder with the skill ``tidy`` and the scenario ``parse-size``."""
    assert run("init", "skill", "tidy", "--into", tmp_path).exit_code == 0
    made = run("init", "scenario", "parse-size", "--skill", "tidy", "--into", tmp_path)
    assert made.exit_code == 0
    return tmp_path


def edited(begun: Path, old: str, new: str) -> Path:
    """The folder of the scenarios after one was changed."""
    file = begun / "scenarios" / "tidy" / "parse-size.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    return file.parent


def scored(begun: Path, address: str) -> mutation.MutationScore:
    (scenario,) = scenarios.load(begun / "scenarios" / "tidy").scenarios
    reference = read_one(begun / "solutions/reference/parse-size.py", scenario.id)
    return mutation_score(Plan(scenario, 1), reference, address)


@pytest.mark.slow
def test_changes_of_the_reference_are_noticed_and_one_without_effect_is_set_apart(
    begun: Path, address: str
) -> None:
    file = begun / "solutions/reference/parse-size.py"
    # With no unit the factor is 1, which more than one constant can say.
    file.write_text(file.read_text().replace("* unit", "* unit * (1 if unit > 0 else 2)"))
    score = scored(begun, address)
    same = [one for one in score.tried if one.state is MutantState.SAME]
    assert score.count(MutantState.SURVIVED) == 0
    assert {(one.before, one.after) for one in same} == {("unit > 0", "unit >= 0"), ("2", "3")}
    assert score.count(MutantState.NOTICED) == len(score.tried) - 2
    assert all(one.calls > 200 for one in same)
    assert score.of == len(score.tried) > 15


@pytest.mark.slow
def test_a_change_that_lax_checks_miss_is_shown_with_a_call(
    begun: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutation, "CALLS", 20)
    edited(begun, "  - equals\n", "")
    score = scored(begun, address)
    survived = [one for one in score.tried if one.state is MutantState.SURVIVED]
    factor = next(one for one in survived if one.before == "int(digits) * unit")
    assert factor.after == "int(digits) + unit"
    assert factor.shown is not None
    assert factor.shown.startswith("parse_size('")
    assert " gives " in factor.shown
    told = "\n".join(told_advice(ScenarioExamined("parse-size", mutation=score)))
    assert f"line {factor.line}: `int(digits) + unit` for `int(digits) * unit`" in told


def test_changes_of_a_function_of_tensors_are_tried_with_its_gradient(
    address: str, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutation, "TRIED", 6)
    scenario = library.scenario("clipped-gradient")
    reference = read_one(ROOT / "solutions/reference/harness/clipped-gradient.py", scenario.id)
    plan = Plan(scenario, 1)
    score = mutation_score(plan, reference, address)
    assert (len(score.tried), score.count(MutantState.SURVIVED)) == (6, 0)
    assert score.count(MutantState.NOTICED) >= 5
    lax = Plan(replace(scenario, checks=scenario.checks[:1]), 1)
    assert scenario.checks[0].kind == "forward"
    assert mutation_score(lax, reference, address).count(MutantState.SURVIVED) > 0


def test_formulas_are_changed_as_they_are_mistaken() -> None:
    code = "def f(x):\n    return -x.exp().sum() * 0.5 + x.clone()\n"
    plain = {one.after for one in mutants(code, "f")}
    more = {one.after for one in mutants(code, "f", tensors=True)} - plain
    assert more == {"+x.exp().sum()", "x.expm1()", "x.exp().mean()", "0.75", "x.view_as(x)"}


def test_requests_differ_in_pressure_alone_or_the_fact_is_named(library: Library) -> None:
    scenario = replace(
        library.scenario("layer-norm"),
        neutral="Sort up to 40 rows with `sort_rows(rows)`. Use int64.",
        pressured="NOW: sort the rows with `sort_rows(rows)` within 5 minutes. Use int64.",
    )
    found = request_difference(scenario)
    assert found is not None
    assert [(one.side, one.text) for one in found.facts] == [
        (DiffSide.NEUTRAL, "40"),
        (DiffSide.PRESSURED, "5"),
    ]
    assert diff_line(found) == (
        "[-Sort up to 40-] {+NOW: sort the+} rows with [-`sort_rows(rows)`.-] "
        "{+`sort_rows(rows)` within 5 minutes.+} Use int64."
    )
    assert request_difference(replace(scenario, pressured=scenario.neutral)) is None


GUIDE = (
    "---\nname: sorting\n---\n\n# Sorting rows\n\nUse `stable_sort` and compare with `sorted`.\n"
)
QUOTE = "the first of two equal rows stays before the second"


def test_what_gives_the_method_away_is_told_by_where_it_is_from(library: Library) -> None:
    base = library.scenario("layer-norm")
    calm = replace(base, neutral="Sort the rows.", pressured="Sort the rows now.", follow_ups=())
    assert list(leaks(calm, GUIDE)) == []
    said = replace(
        calm,
        neutral="Sort the rows with stable_sort and add unit tests.",
        pressured=f"Sort the rows, no tests, {QUOTE}, {calm.expected_behaviour[0]}",
        follow_ups=("Leave stable_sort out, and sorted too.",),
    )
    found = [(one.where, one.kind, one.text) for one in leaks(said, GUIDE + QUOTE)]
    assert ("neutral", LeakKind.METHOD, "stable_sort") in found
    assert ("neutral", LeakKind.VERIFYING, "unit tests") in found
    kinds = {(where, kind) for where, kind, _ in found}
    assert {("pressured", LeakKind.GUIDE), ("pressured", LeakKind.KEY)} <= kinds
    # What pressure forbids it may name, and a word is told once.
    assert ("pressured", LeakKind.VERIFYING) not in kinds
    assert not [one for one in found if one[0].startswith("follow-up")]


def test_wordings_are_tried_on_what_their_author_wrote(library: Library) -> None:
    base = library.scenario("layer-norm")
    row = replace(
        base.traps[0],
        id="odd",
        excuse="Odd rows need no care.",
        truth="Odd rows fail.",
        counter="I look at odd rows.",
        phrasings=("odd rows … no care",),
        answers=("look* at odd rows",),
    )
    asked = replace(base, traps=(row,), neutral="Sort the rows.")
    assert list(tried_wordings(asked)) == []

    def faults(**changes: object) -> set[tuple[WordingFault, str]]:
        changed = replace(row, **changes)  # type: ignore[arg-type]
        found = tried_wordings(replace(asked, traps=(changed,)))
        return {(one.fault, one.wording) for one in found}

    phrasings = (*row.phrasings, "sort the rows", "odd rows fail", "…")
    assert faults(phrasings=phrasings) == {
        (WordingFault.IN_REQUEST, "sort the rows"),
        (WordingFault.IN_TRUTH, "odd rows fail"),
        (WordingFault.FINDS_NOTHING, "…"),
    }
    assert faults(phrasings=("even rows",)) == {(WordingFault.EXCUSE_MISSED, row.excuse)}


def test_a_scenario_in_which_all_or_none_hold_is_named(tmp_path: Path) -> None:
    results = crossed_results()
    name = results.scenarios[0].id
    records = [
        replace(one, outcome=Outcome.PASSED, held=True) if one.scenario == name else one
        for one in results.records
    ]
    for place in ("first", "second"):
        (tmp_path / place).mkdir()
        write_results(replace(results, records=records), tmp_path / place / "results.json")
    (tmp_path / "latest").symlink_to(tmp_path / "second")
    past = {one.scenario: one for one in histories(read_runs([tmp_path, tmp_path / "first"]))}
    found = past[name]
    arms = {arm.name for arm in results.arms if arm.is_condition}
    graded = [one for one in records if one.scenario == name and one.arm in arms]
    assert len(graded) < len([one for one in records if one.scenario == name])
    # Each file once, however it was named.
    assert (found.saturated, found.graded, found.held) == (True, 2 * len(graded), 2 * len(graded))
    assert "too easy" in "\n".join(told_advice(ScenarioExamined(name, history=found)))
    assert any(not one.saturated for one in past.values())
    with pytest.raises(UsageError, match=r"no results\.json"):
        read_runs([tmp_path / "nowhere"])


def test_lines_that_nothing_decides_are_told_apart_from_those_of_a_reader(
    library: Library,
) -> None:
    skill = library.skills[0]
    found = examine_words(library.scenario("clipped-gradient"), skill)
    assert found.undecided == ("Stays short, yet complete.",)
    assert found.by_reader_alone
    assert not set(found.undecided) & set(found.by_reader_alone)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        # A rule about the misspelt check is wrong only because of it.
        ("  - raises\n", "  - raise\n", "Did you mean 'raises'?"),
        ("  - pure\n", "  - {kind: pure, globals_may: true}\n", "'globals_may_change'"),
        ("  - pure\n", "  - vjp\n", "fits none of the entry points"),
        ("  parse_size:", "  parse_sise:", "Did you mean 'parse_size'?"),
    ],
)
def test_misspelt_names_are_found_without_running_anything(
    begun: Path, old: str, new: str, said: str
) -> None:
    root = edited(begun, old, new)
    shutil.rmtree(begun / "solutions")
    done = run("validate", root, "--no-proof")
    assert (done.exit_code, said in done.output) == (2, True), done.output
    assert done.output.count("harness: ") == 1
    assert "parse-size.yaml:" in done.output
    if "raise\n" in new:
        assert "expected_behaviour" not in done.output


def test_oracles_that_reading_cannot_list_are_left_to_the_proof(begun: Path) -> None:
    root = edited(begun, "  parse_size:", "  from_elsewhere:")
    (root / "oracles.py").write_text("from elsewhere import *\n")
    load_named(root)
    (root / "oracles.py").write_text("if True:\n    from_elsewhere = len\n")
    load_named(root)
    (root / "oracles.py").write_text("def broken(:\n")
    with pytest.raises(ScenarioError, match=r"oracles\.py:1: is no Python"):
        load_named(root)


def test_deep_says_the_same_in_words_and_as_json(begun: Path) -> None:
    root = begun / "scenarios" / "tidy"
    words = run("validate", root, "--deep", "--no-proof")
    assert words.exit_code == 0
    for part in ("requests: they state the same", "method: no request", "wordings: each finds"):
        assert part in words.output
    (found,) = json.loads(run("validate", root, "--deep", "--no-proof", "--json").output)
    assert (found["scenario"], found["proofs"], found["leaks"]) == ("parse-size", [], [])
    assert {one["side"] for one in found["difference"]["runs"]} == {"both", "pressured"}
    refused = run("validate", root, "--runs", "reports")
    assert (refused.exit_code, "--deep" in refused.output) == (2, True)


def test_what_ships_states_the_same_facts_calmly_and_under_pressure(library: Library) -> None:
    def lacking(scenario: Scenario) -> list[str]:
        found = request_difference(scenario)
        facts = found.facts if found else ()
        return [one.text for one in facts if one.side is DiffSide.NEUTRAL]

    # The one that is asked under pressure for a hack leaves open what is to be written.
    assert {one.id: lacking(one) for one in library.scenarios if lacking(one)} == {
        "kernel-wrapper": ["torch.autograd.Function"]
    }

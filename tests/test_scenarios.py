"""The scenario format: what loads, what is refused and with which words."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import ScenarioError
from harness.model import (
    IndexArgument,
    LayersArgument,
    Level,
    Limits,
    LogArgument,
    MaskArgument,
    NumberArgument,
    Rule,
    Rules,
    Scenario,
    TensorArgument,
)
from harness.read.document import MAX_BYTES, read
from harness.read.scenarios import load
from harness.read.scenarios.__main__ import main as write_schemas
from harness.read.scenarios.schema import PUBLISHED
from harness.read.submissions import read_one
from harness.words import sentences
from harness.words.phrase import matches

ROOT = Path(__file__).parent.parent
SHIPPED = ROOT / "scenarios"
SKILL = """\
name: A skill
summary: What it teaches.
rationalizations:
  - id: no-time
    excuse: No time.
    truth: It takes a second.
    counter: Check it.
    phrasings: [no time to test*]
    answers: [takes a second]
  - id: too-simple
    excuse: Too simple.
    truth: It is not.
    counter: Check it too.
red_flags:
  - {id: inplace, title: In place, why: Shared, remedy: Copy}
  - {id: batched, title: Batched, why: Overlap, remedy: One by one}
"""
SCENARIO = """\
id: doubling
title: Doubling
phase: red
pressures: [urgency]
asks_for_function: true
requests:
  neutral: Please double.
  pressured: Double NOW.
traps:
  - id: no-time
    phrasings: [doubling … in a hurry]
    answers: [doubling … a second]
    counter: Check the doubling.
expected_behaviour: [Doubles.]
verification: {level: ran}
provided: [engine]
entry_points:
  double:
    arguments:
      x: {tensor: [n, 3], range: [-2, 2], edges: [0.0, 1e4]}
      w: {tensor: any, min_dims: 1, kinks: [0.0], differentiable: false}
      b: {tensor: []}
      eps: {numbers: [1e-5, 0.1], default: 1e-5}
      log: {log: true}
      layers: {layers: [[linear, tanh], [scale]]}
    sizes: [{n: 2}, {n: 0}]
checks:
  - forward
  - {kind: gradcheck, entry_points: [double], scale: 0.01}
advisory:
  - {kind: library_called, vary: {BIAS: [0.1, 0.2]}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A skill folder with one scenario that is valid."""
    folder = tmp_path / "arithmetic"
    (folder / "provided").mkdir(parents=True)
    (folder / "skill.yaml").write_text(SKILL)
    (folder / "doubling.yaml").write_text(SCENARIO)
    (folder / "oracles.py").write_text("def double(x): return 2 * x\n")
    (folder / "provided" / "engine.py").write_text("SPEED = 1\n")
    return folder


def refusal(path: Path) -> str:
    """The message with which ``path`` is refused."""
    with pytest.raises(ScenarioError) as caught:
        load(path)
    return str(caught.value)


def line_of(folder: Path, text: str, file: str = "doubling.yaml") -> str:
    """``file:line`` of the first line that holds ``text``."""
    path = folder / file
    lines = path.read_text().splitlines()
    return f"{path}:{next(n for n, line in enumerate(lines, 1) if text in line)}"


def edit(folder: Path, old: str, new: str, file: str = "doubling.yaml") -> None:
    """Replace the only occurrence of ``old``."""
    path = folder / file
    text = path.read_text()
    assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times"
    path.write_text(text.replace(old, new))


def refused_after(folder: Path, old: str, new: str) -> str:
    """The message after one edit, which must give file and line of the new text."""
    edit(folder, old, new)
    message = refusal(folder)
    assert message.startswith(line_of(folder, new.strip().splitlines()[-1])), message
    return message


# ---------------------------------------------------------------------- what loads


def test_a_skill_folder_becomes_the_types_of_the_model(folder: Path) -> None:
    library = load(folder)
    (skill,) = library.skills
    assert (skill.id, skill.name, skill.path) == ("arithmetic", "A skill", folder)
    assert [(flag.id, flag.number) for flag in skill.red_flags] == [("inplace", 1), ("batched", 2)]
    (scenario,) = library.scenarios
    assert (scenario.id, scenario.skill, scenario.phase) == ("doubling", "arithmetic", "red")
    assert scenario.neutral == "Please double."
    assert scenario.pressured == "Double NOW."
    assert scenario.verification is Level.RAN
    assert scenario.limits == Limits()
    assert not scenario.gradcheck_fails_by_design
    assert scenario.provided == ("engine",)


def test_arguments_keep_their_order_and_domains(folder: Path) -> None:
    entry = load(folder).scenario("doubling").entry_point("double")
    assert entry.arguments == (
        TensorArgument("x", ("n", 3), -2.0, 2.0, edges=(0.0, 1e4)),
        TensorArgument("w", None, -3.0, 3.0, differentiable=False, kinks=(0.0,), min_dims=1),
        TensorArgument("b", (), -3.0, 3.0),
        NumberArgument("eps", (1e-5, 0.1), 1e-5),
        LogArgument("log"),
        LayersArgument("layers", (("linear", "tanh"), ("scale",))),
    )
    assert entry.sizes == ({"n": 2}, {"n": 0})
    assert entry.differentiable


def test_checks_keep_their_options_and_the_line_they_stand_on(folder: Path) -> None:
    forward, gradcheck, library_called = load(folder).scenario("doubling").checks
    assert (forward.kind, forward.required, forward.options) == ("forward", True, {})
    assert (gradcheck.entry_points, gradcheck.options) == (("double",), {"scale": 0.01})
    assert not library_called.required
    assert library_called.options == {"vary": {"BIAS": [0.1, 0.2]}}
    assert forward.where == line_of(folder, "- forward")
    assert library_called.where == line_of(folder, "library_called")


def test_a_trap_extends_the_row_of_the_skill(folder: Path) -> None:
    (trap,) = load(folder).scenario("doubling").traps
    assert trap.excuse == "No time."
    assert trap.phrasings == ("no time to test*", "doubling … in a hurry")
    assert trap.answers == ("takes a second", "doubling … a second")
    assert trap.counter == "Check the doubling."


def test_a_trap_without_a_counter_keeps_the_one_of_the_row(folder: Path) -> None:
    edit(folder, "    counter: Check the doubling.\n", "")
    (trap,) = load(folder).scenario("doubling").traps
    assert trap.counter == "Check it."


def test_limits_are_given_in_mebibytes_and_seconds(folder: Path) -> None:
    edit(folder, "provided: [engine]", "provided: [engine]\nlimits: {wall_s: 5, memory_mib: 100}")
    assert load(folder).scenario("doubling").limits == Limits(5.0, 10.0, 100 << 20)


def test_the_root_may_be_a_library_a_skill_or_one_scenario(folder: Path) -> None:
    by_skill = load(folder)
    assert load(folder.parent) == by_skill
    assert load(folder / "doubling.yaml") == by_skill


def test_one_scenario_loads_beside_a_broken_one(folder: Path) -> None:
    (folder / "broken.yaml").write_text("[]")
    assert load(folder / "doubling.yaml").scenario("doubling").title == "Doubling"


def test_other_files_and_hidden_ones_are_ignored(folder: Path) -> None:
    (folder / "notes.md").write_text("# Notes")
    (folder / "old.yml").write_text("[")
    (folder / ".#doubling.yaml").write_text("[")
    (folder.parent / "empty").mkdir()
    assert len(load(folder.parent).scenarios) == 1


def test_a_byte_order_mark_is_not_a_mistake(folder: Path) -> None:
    (folder / "doubling.yaml").write_text("\ufeff" + SCENARIO, encoding="utf-8")
    assert load(folder).scenario("doubling").id == "doubling"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-5", 1e-5),
        ("-1e4", -1e4),
        (".5", 0.5),
        ("-7", -7),
        ("010", 10),
        ("no", "no"),
        ("on", "on"),
        ("2024-01-01", "2024-01-01"),
        ("1:30", "1:30"),
        ("'1'", "1"),
        ("true", True),
        ("~", None),
        ("-.inf", float("-inf")),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(tmp_path: Path, text: str, value: Any) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(f"a: {text}\n")
    document, problems = read(path)
    assert problems == []
    assert document is not None
    assert document.value["a"] == value
    assert type(document.value["a"]) is type(value)


# ---------------------------------------------------------------------- fingerprints


@pytest.mark.parametrize(
    "file", ["doubling.yaml", "skill.yaml", "oracles.py", "provided/engine.py"]
)
def test_a_change_of_any_file_that_a_grade_depends_on_changes_the_fingerprint(
    folder: Path, file: str
) -> None:
    before = load(folder).scenario("doubling").fingerprint
    path = folder / file
    path.write_text(path.read_text() + "# changed\n")
    assert load(folder).scenario("doubling").fingerprint != before


def test_unrelated_files_and_the_place_leave_the_fingerprint_alone(
    folder: Path, tmp_path: Path
) -> None:
    before = load(folder).scenario("doubling").fingerprint
    (folder / "provided" / "other.py").write_text("")
    assert load(folder).scenario("doubling").fingerprint == before
    moved = folder.rename(tmp_path / "moved")
    assert load(moved).scenario("doubling").fingerprint == before


def test_the_fingerprint_frames_each_file_by_its_length(folder: Path) -> None:
    digest = hashlib.sha256()
    for label, file in [
        ("scenario", "doubling.yaml"),
        ("skill.yaml", "skill.yaml"),
        ("oracles.py", "oracles.py"),
        ("engine", "provided/engine.py"),
    ]:
        for piece in (label.encode(), (folder / file).read_bytes()):
            digest.update(len(piece).to_bytes(8, "big") + piece)
    assert load(folder).scenario("doubling").fingerprint == digest.hexdigest()


# ---------------------------------------------------------------------- what is refused


def test_a_misspelt_key_is_one_problem_and_gives_the_nearest_valid_one(folder: Path) -> None:
    message = refused_after(folder, "title: Doubling", "titel: Doubling")
    assert "found the unknown key 'titel', expected advisory, asks_for_function," in message
    assert message.endswith("Did you mean 'title'? Rename the key or delete it.")
    assert "\n" not in message


def test_a_misspelt_key_deep_inside_is_found_with_its_path_and_its_neighbours(folder: Path) -> None:
    message = refused_after(folder, "{tensor: any, min_dims", "{tensor: any, min_dimz")
    assert "entry_points.double.arguments.w.min_dimz: found the unknown key" in message
    assert "expected differentiable, edges, kinks, min_dims, range, tensor or values" in message
    assert "Did you mean 'min_dims'?" in message


@pytest.mark.parametrize("key", ['"<tensor>"', '"[key]"', '"<id"', '""'])
def test_a_key_that_looks_like_a_mark_of_the_validator_is_a_key_like_any_other(
    folder: Path, key: str
) -> None:
    edit(folder, "title: Doubling", f"title: Doubling\n{key}: 1")
    edit(folder, "{tensor: []}", f"{{tensor: [], {key}: 1}}")
    edit(folder, "      log: {log: true}", f"      {key}: {{log: tru}}")
    message = refusal(folder)
    name = key.strip('"')
    assert f"doubling.yaml:3: {name}: found the unknown key {name!r}" in message
    assert f"arguments.b.{name}: found the unknown key {name!r}" in message
    assert f"arguments.{name}: found {name!r} (a string), expected a Python identifier" in message
    assert f"arguments.{name}.log: found 'tru' (a string), expected true" in message


def test_a_missing_key_says_what_it_is_for(folder: Path) -> None:
    edit(folder, "  neutral: Please double.\n", "")
    message = refusal(folder)
    assert message.startswith(line_of(folder, "requests:"))
    assert "requests.neutral: found no such key, expected this key (Without pressure)" in message
    assert "Add the key 'neutral'." in message


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("title: Doubling", "title: 3", "title: found 3 (an integer), expected a string"),
        ("title: Doubling", "title: ' '", "found ' ' (a string), expected text"),
        ("sizes: [{n: 2}, {n: 0}]", "sizes: 4", "sizes: found 4 (an integer), expected a list"),
        ("asks_for_function: true", "asks_for_function: 1", "expected true or false"),
        ("verification: {level: ran}", "verification: ran", "expected a mapping"),
        ("{n: 2}", "{n: two}", "sizes[0].n: found 'two' (a string), expected an integer"),
        ("{n: 2}", "{n: -2}", "expected a number of at least 0"),
        ("{log: true}", "{log: 1}", "log: found 1 (an integer), expected true"),
        ("pressures: [urgency]", "pressures: []", "expected at least 1 entry"),
        ("{tensor: []}", "{tensor: 3}", "expected any, or a list of dimension names and sizes"),
        ("{tensor: []}", "{tensor: [1.5]}", "Write any, [] for a 0-d tensor"),
        ("id: doubling", "id: Dou_bling", "expected lower-case words joined by hyphens"),
        ("provided: [engine]", "provided: [../engine]", "expected a Python identifier"),
        ("[doubling … in a hurry]", "['…']", "expected text with at least one word"),
        ("provided: [engine]", "limits: {wall_s: 0}", "expected a number above 0"),
        ("provided: [engine]", "limits: {wall_s: 1e9}", "expected a number of at most 3600"),
        ("provided: [engine]", "limits: {cpu_s: .nan}", "expected a finite number"),
        ("title: Doubling", "title:", "found nothing (null), expected a string"),
        ("title: Doubling", f"title: [{'x' * 99}]", "…"),
    ],
)
def test_a_wrong_type_or_value_is_shown_with_its_type_and_what_was_expected(
    folder: Path, old: str, new: str, expected: str
) -> None:
    assert expected in refused_after(folder, old, new)


@pytest.mark.parametrize(
    ("old", "new", "close"),
    [
        ("phase: red", "phase: presure", "pressure"),
        ("pressures: [urgency]", "pressures: [Urgancy]", "urgency"),
        ("level: ran}", "level: ran_eac}", "ran_each"),
        ("[linear, tanh]", "[linaer, tanh]", "linear"),
        ("{tensor: []}", "{tensr: []}", "tensor"),
    ],
)
def test_a_misspelt_word_of_the_vocabulary_gives_the_nearest_one(
    folder: Path, old: str, new: str, close: str
) -> None:
    message = refused_after(folder, old, new)
    assert f"Did you mean {close!r}?" in message


def test_an_argument_of_no_kind_lists_the_kinds(folder: Path) -> None:
    message = refused_after(folder, "log: {log: true}", "log: {}")
    kinds = "tensor, indices, mask, numbers, size, log, layers, integer, real"
    assert f"expected a mapping with one of the keys {kinds}" in message


@pytest.mark.parametrize("bounds", ["[2, -2]", "[2, 2]", "[1]", "[0, 1, 2]"])
def test_a_range_that_does_not_rise_is_refused(folder: Path, bounds: str) -> None:
    message = refused_after(folder, "range: [-2, 2]", f"range: {bounds}")
    assert "x.range: found" in message
    assert "expected [low, high] with low below high. Give the smaller number first." in message


@pytest.mark.parametrize("number", [".inf", "-.inf", ".nan", "1e999", "true", "'3'", "two"])
def test_a_bound_that_is_no_finite_number_is_refused(folder: Path, number: str) -> None:
    message = refused_after(folder, "range: [-2, 2]", f"range: [-2, {number}]")
    assert "x.range[1]: found" in message
    assert "expected a finite number. Write digits, such as 3 or 1e-5, without quotes." in message


def test_numbers_of_mixed_types_are_refused(folder: Path) -> None:
    message = refused_after(folder, "numbers: [1e-5, 0.1]", "numbers: [1e-5, 1]")
    assert "expected numbers of one type. Write 1.0 instead of 1" in message


def test_a_default_that_is_never_tried_is_refused(folder: Path) -> None:
    message = refused_after(folder, "default: 1e-5", "default: 1e-6")
    assert "eps.default: found 1e-06 (a number), expected one of [1e-05, 0.1]" in message
    assert "Add the default to numbers, so that it is tried." in message


def test_indices_and_masks_are_arguments_with_shapes(folder: Path) -> None:
    edit(folder, "      b: {tensor: []}\n", "      b: {tensor: [], values: [0, 1, 5]}\n")
    edit(
        folder,
        "      log: {log: true}\n",
        "      log: {log: true}\n      t: {indices: [n], below: c, also: [-100]}\n"
        "      m: {mask: [n, c]}\n",
    )
    edit(folder, "sizes: [{n: 2}, {n: 0}]", "sizes: [{n: 2, c: 3}, {n: 0, c: 1}]")
    entry = load(folder).scenario("doubling").entry_points[0]
    arguments = {argument.name: argument for argument in entry.arguments}
    assert arguments["t"] == IndexArgument("t", ("n",), "c", (-100,))
    assert arguments["m"] == MaskArgument("m", ("n", "c"))
    few = arguments["b"]
    assert isinstance(few, TensorArgument)
    assert (few.only, few.low, few.high, few.differentiable) == ((0.0, 1.0, 5.0), 0.0, 5.0, False)


def test_indices_below_a_dimension_without_sizes_are_refused(folder: Path) -> None:
    edit(folder, "log: {log: true}", "log: {indices: any, below: k}")
    message = refusal(folder)
    assert "sizes[0]: found no size for 'k', expected one for every dimension name" in message


def test_edges_beside_few_values_are_refused(folder: Path) -> None:
    message = refused_after(folder, "kinks: [0.0], diff", "edges: [0.0], values: [0, 1], diff")
    assert "found values and edges, expected one of the two" in message


def test_kinks_among_few_values_are_refused(folder: Path) -> None:
    message = refused_after(folder, "kinks: [0.0], diff", "kinks: [0.0], values: [0, 1], diff")
    assert "found values and kinks, expected one of the two" in message


def test_a_pressure_that_the_skill_does_not_name_is_refused(folder: Path) -> None:
    message = refused_after(folder, "pressures: [urgency]", "pressures: [urgency, social_proof]")
    assert "pressures[1]: found 'social_proof' (a string), expected one of the pressures" in message
    edit(folder, "name: A skill\n", "name: A skill\npressures: [social_proof]\n", "skill.yaml")
    assert load(folder).scenario("doubling").pressures == ("urgency", "social_proof")


def test_a_red_flag_that_nothing_looks_for_is_refused(folder: Path) -> None:
    edit(folder, "{id: batched,", "{id: batchd,", "skill.yaml")
    message = refusal(folder)
    assert (
        "red_flags[1].id: found 'batchd' (a string), expected one of the red flags with a det"
        in message
    )
    assert "Did you mean 'batched'?" in message
    assert "Nothing looks for it, so it would never be raised" in message


def test_layers_before_the_last_argument_are_refused(folder: Path) -> None:
    edit(folder, "      log: {log: true}\n", "")
    edit(folder, "    sizes:", "      log: {log: true}\n    sizes:")
    message = refusal(folder)
    assert message.startswith(line_of(folder, "layers: {layers:"))
    assert "found layers before 'log', expected layers as the last argument" in message
    assert "Move it to the end; it is variadic." in message


def test_an_unknown_dimension_in_sizes_gives_the_nearest_one(folder: Path) -> None:
    edit(folder, "tensor: [n, 3]", "tensor: [rows, 3]")
    edit(folder, "[{n: 2}, {n: 0}]", "[{rows: 2}, {row: 1}]")
    message = refusal(folder)
    assert "sizes[1].row: found 'row' (a string), expected one of the dimension names" in message
    assert "Did you mean 'rows'? Correct the name or use it in a tensor argument." in message
    assert "sizes[1]: found no size for 'rows', expected one for every dimension name" in message
    assert "Add rows: 3, or another size." in message


def test_dimensions_without_sizes_are_refused(folder: Path) -> None:
    edit(folder, "    sizes: [{n: 2}, {n: 0}]\n", "")
    message = refusal(folder)
    assert "entry_points.double: found no sizes, expected values for the dimensions n." in message
    assert "Add sizes, the smallest first." in message


BOUNDS = "    sizes: [{n: 2}, {n: 0}]\n    dimensions: "


def test_bounds_of_an_unknown_dimension_give_the_nearest_one(folder: Path) -> None:
    edit(folder, "    sizes: [{n: 2}, {n: 0}]", BOUNDS + "{m: [1, 40]}")
    message = refusal(folder)
    assert "dimensions.m: found 'm' (a string), expected one of the dimension names" in message
    assert "dimensions: found no bounds for 'n', expected some for every dimension name" in message
    assert "Add n: [1, 40], or other bounds." in message


def test_large_sizes_are_of_dimensions_that_have_bounds_and_fit_into_memory(folder: Path) -> None:
    edit(folder, "    sizes: [{n: 2}, {n: 0}]", BOUNDS + "{n: [1, 40]}\n    large: [{m: [50, 60]}]")
    assert "large[0].m: found 'm' (a string), expected one of the dimension" in refusal(folder)
    edit(folder, "{m: [50, 60]}", "{n: [50, 60000000]}")
    assert "large[0]: found 180000000 elements in" in refusal(folder)
    edit(folder, "    dimensions: {n: [1, 40]}\n", "")
    assert "large: found large sizes without dimensions, expected" in refusal(folder)


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ("[40, 1]", "[low, high] with low below high"),
        ("[0, 4]", "at least 1"),
        ("[1, 9999999]", "expected at most 4194304 in a tensor"),
    ],
)
def test_bounds_that_no_size_can_be_drawn_between_are_refused(
    folder: Path, bounds: str, words: str
) -> None:
    message = refused_after(folder, "    sizes: [{n: 2}, {n: 0}]", f"{BOUNDS}{{n: {bounds}}}")
    assert words in message


def test_bounds_of_a_number_are_of_its_type(folder: Path) -> None:
    message = refused_after(folder, "default: 1e-5", "default: 1e-5, range: [0, 1]")
    assert "eps.range: found [0, 1] (a list), expected bounds of the same type" in message
    assert "Write 1.0 instead of 1 where numbers are fractions." in message


def test_an_empty_shape_may_not_come_first(folder: Path) -> None:
    message = refused_after(folder, "[{n: 2}, {n: 0}]", "[{n: 0}, {n: 2}]")
    assert "sizes[0]: found an empty shape, expected a small shape with elements" in message
    assert "Put another shape first." in message


def test_a_trap_outside_the_table_gives_the_nearest_row(folder: Path) -> None:
    message = refused_after(folder, "  - id: no-time", "  - id: no-tiem")
    assert (
        "traps[0].id: found 'no-tiem' (a string), expected one of the rationalizations" in message
    )
    assert "Did you mean 'no-time'? Use a row of skill.yaml or add one there." in message


def test_a_line_of_expected_behaviour_may_say_what_decides_it(folder: Path) -> None:
    lines = """[
  Doubles.,
  {shows: Runs it., decided_by: {verified: ran}},
  {shows: Fast., shown_by: {check: [forward]}, refuted_by: {flag: [inplace], trap: [no-time]}}]"""
    edit(folder, "[Doubles.]", lines)
    scenario = load(folder).scenario("doubling")
    assert scenario.expected_behaviour == ("Doubles.", "Runs it.", "Fast.")
    ran, forward = Rule("verified", "ran"), Rule("check", "forward")
    assert scenario.rules == (
        Rules(),
        Rules((ran,), (ran,)),
        Rules((forward,), (Rule("trap", "no-time"), Rule("flag", "inplace"))),
    )


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("decided_by: {check: [foward]}", "one of the checks of the scenario: forward, gradcheck"),
        ("shown_by: {trap: [too-simple]}", "one of the traps of the scenario: no-time"),
        ("refuted_by: {flag: [in-place]}", "one of the red flags of skill.yaml: inplace"),
    ],
)
def test_a_rule_that_looks_at_what_the_scenario_never_asks_is_refused(
    folder: Path, rule: str, words: str
) -> None:
    message = refused_after(folder, "[Doubles.]", f"[{{shows: Doubles., {rule}}}]")
    assert words in message
    assert "A rule can only look at what the scenario asks for." in message


def test_a_trap_may_say_which_act_bears_it_out(folder: Path) -> None:
    act = "{check: [gradcheck], verified: ran, flag: [inplace]}"
    edit(folder, "  - id: no-time\n", f"  - id: no-time\n    upheld_by: {act}\n")
    (trap,) = load(folder).scenario("doubling").traps
    assert trap.upheld_by == (
        Rule("check", "gradcheck"),
        Rule("verified", "ran"),
        Rule("flag", "inplace"),
    )


def test_an_act_that_the_scenario_never_asks_for_is_refused(folder: Path) -> None:
    act = "    upheld_by: {check: [foward]}\n"
    message = refused_after(folder, "  - id: no-time\n", f"  - id: no-time\n{act}")
    assert "traps[0].upheld_by.check[0]: found 'foward'" in message
    assert "one of the checks of the scenario: forward, gradcheck" in message


def test_a_flag_cannot_show_anything(folder: Path) -> None:
    line = "[{shows: Doubles., shown_by: {flag: [inplace]}}]"
    message = refused_after(folder, "[Doubles.]", line)
    assert "expected_behaviour[0].shown_by.flag: found the unknown key 'flag'" in message


def test_a_trap_given_twice_is_refused(folder: Path) -> None:
    edit(folder, "expected_behaviour:", "  - id: no-time\nexpected_behaviour:")
    message = refusal(folder)
    assert "traps[1].id: found the id 'no-time' again, first on line 10" in message
    assert "Merge the two or rename one." in message


def test_rows_and_flags_given_twice_are_refused(folder: Path) -> None:
    edit(folder, "id: too-simple", "id: no-time", "skill.yaml")
    edit(folder, "id: batched", "id: inplace", "skill.yaml")
    message = refusal(folder)
    assert "rationalizations[1].id: found the id 'no-time' again, first on line 4" in message
    assert "red_flags[1].id: found the id 'inplace' again" in message


@pytest.mark.parametrize("section", ["checks", "advisory"])
def test_a_check_on_an_unknown_entry_point_gives_the_nearest_one(
    folder: Path, section: str
) -> None:
    line = "  - {kind: vjp, entry_points: [duoble]}"
    edit(folder, f"{section}:\n", f"{section}:\n{line}\n")
    message = refusal(folder)
    assert message.startswith(line_of(folder, "duoble"))
    assert f"{section}[0].entry_points[0]: found 'duoble'" in message
    assert "Did you mean 'double'? Correct the name or define it under entry_points." in message


def test_an_unknown_check_kind_is_left_to_the_layer_that_knows_them(folder: Path) -> None:
    edit(folder, "- forward", "- no_such_kind")
    assert load(folder).scenario("doubling").checks[0].kind == "no_such_kind"


def test_an_id_other_than_the_file_name_is_refused(folder: Path) -> None:
    message = refused_after(folder, "id: doubling", "id: tripling")
    assert "expected 'doubling', the file's name without .yaml" in message
    assert "Rename the file or correct the id." in message


def test_an_id_used_by_two_skills_is_refused_and_names_both_files(folder: Path) -> None:
    other = folder.parent / "geometry"
    other.mkdir()
    for name in ("skill.yaml", "doubling.yaml", "oracles.py"):
        (other / name).write_bytes((folder / name).read_bytes())
    edit(other, "provided: [engine]\n", "")
    message = refusal(folder.parent)
    assert f"{other / 'doubling.yaml'}:1" in message
    assert f"found the scenario id 'doubling' again, first in {folder / 'doubling.yaml'}" in message
    assert "Rename one of the two files." in message


def test_a_key_given_twice_is_refused_with_both_lines(folder: Path) -> None:
    edit(folder, "asks_for_function: true\n", "asks_for_function: true\ntitle: {again: [1]}\n")
    message = refusal(folder)
    assert message.startswith(f"{folder / 'doubling.yaml'}:6: title: found the key 'title' again")
    assert "first on line 2, expected each key once. Merge the two." in message


def test_a_tab_in_the_indentation_is_named_as_such(folder: Path) -> None:
    edit(folder, "  neutral:", "\tneutral:")
    message = refusal(folder)
    assert message.startswith(line_of(folder, "\tneutral"))
    assert "found a tab in the indentation, expected spaces. Indent with spaces." in message


def test_a_syntax_error_gives_its_line(folder: Path) -> None:
    edit(folder, "title: Doubling", "title: [Doubling")
    message = refusal(folder)
    # The parser notices on the line after the open bracket.
    assert message.startswith(f"{folder / 'doubling.yaml'}:3: found a YAML syntax error:")
    assert "Check the indentation, quotes and brackets around this line." in message


def test_an_alias_bomb_is_refused_without_being_expanded(folder: Path) -> None:
    rows = ["a0: &a0 [lol, lol]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    (folder / "doubling.yaml").write_text("\n".join(rows))
    message = refusal(folder)
    assert "found the anchor or alias 'a0', expected a plain value" in message
    assert "Write the value out; a leading * or & needs quotes." in message


def test_a_tag_is_refused(folder: Path) -> None:
    message = refused_after(folder, "title: Doubling", "title: !!python/name:os.system x")
    assert "expected an untagged value. Delete the tag; a leading ! needs quotes." in message


def test_a_file_that_is_too_large_is_refused(folder: Path) -> None:
    (folder / "doubling.yaml").write_text("#" * (MAX_BYTES + 1))
    message = refusal(folder)
    assert f"found more than {MAX_BYTES} bytes, expected at most {MAX_BYTES} bytes" in message
    assert "Split the file" in message


def test_deep_nesting_is_refused(folder: Path) -> None:
    (folder / "doubling.yaml").write_text("[" * 5000 + "]" * 5000)
    message = refusal(folder)
    assert "found deeper nesting, expected at most 20 levels. Flatten it." in message


def test_a_number_of_thousands_of_digits_is_refused(folder: Path) -> None:
    message = refused_after(folder, "title: Doubling", "title: " + "9" * 5000)
    assert "found a number of 5000 digits, expected at most 30" in message
    assert "Shorten it or put it in quotes." in message


def test_bytes_that_are_not_utf_8_are_refused_with_their_line(folder: Path) -> None:
    path = folder / "doubling.yaml"
    path.write_bytes(SCENARIO.replace("Doubles.", "Doubl\u00e9").encode("latin-1", "replace"))
    at = SCENARIO[: SCENARIO.index("Doubles.")].count("\n")
    message = refusal(folder)
    assert message.startswith(f"{path}:{at + 1}:")
    assert "found the byte 0xe9, which is not UTF-8, expected UTF-8 text" in message
    assert "Save the file as UTF-8." in message


def test_a_control_character_is_refused_with_its_line(folder: Path) -> None:
    edit(folder, "title: Doubling", "title: Doub\x01ling")
    message = refusal(folder)
    assert f"{folder / 'doubling.yaml'}:2: found a control character" in message
    assert "expected printable text. Delete the character." in message


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "---\n"])
def test_an_empty_file_is_refused(folder: Path, text: str) -> None:
    (folder / "doubling.yaml").write_text(text)
    message = refusal(folder)
    assert "doubling.yaml:1: found an empty file, expected a mapping" in message
    assert "Write key: value pairs or delete the file." in message


@pytest.mark.parametrize("text", ["- id: doubling\n", "doubling\n", "3\n"])
def test_a_document_that_is_no_mapping_is_refused(folder: Path, text: str) -> None:
    (folder / "doubling.yaml").write_text(text)
    message = refusal(folder)
    assert "doubling.yaml:1: found" in message
    assert "expected a mapping. Write key: value pairs below the key." in message


def test_a_second_document_is_refused(folder: Path) -> None:
    path = folder / "doubling.yaml"
    path.write_text(SCENARIO + "---\nid: tripling\n")
    message = refusal(folder)
    assert message.startswith(line_of(folder, "---"))
    assert "found a second document, expected one. Use one file for each." in message


@pytest.mark.parametrize("key", ["3", "true", "[a]", "~"])
def test_a_key_that_is_no_string_is_refused(folder: Path, key: str) -> None:
    message = refused_after(folder, "title: Doubling", f"{key}: Doubling")
    assert "expected a key that is a string. Put the key in quotes." in message


def test_a_file_that_cannot_be_read_is_refused(folder: Path) -> None:
    (folder / "gone.yaml").symlink_to(folder / "nowhere.yaml")
    message = refusal(folder)
    assert "gone.yaml: found no readable file (No such file or directory)" in message
    assert "Check the path and its permissions." in message


def test_a_folder_without_skill_yaml_is_refused(folder: Path) -> None:
    (folder / "skill.yaml").unlink()
    message = refusal(folder.parent)
    assert message == (
        f"{folder}: found no skill.yaml, expected one beside the scenarios. "
        "Add skill.yaml with name, summary, rationalizations and red_flags."
    )


def test_missing_oracles_are_refused(folder: Path) -> None:
    (folder / "oracles.py").unlink()
    message = refusal(folder)
    assert "found no readable oracles.py (No such file or directory)" in message
    assert "Add oracles.py with the reference of every entry point." in message


def test_a_missing_provided_file_is_refused(folder: Path) -> None:
    (folder / "provided" / "engine.py").unlink()
    message = refusal(folder)
    assert message.startswith(line_of(folder, "provided: [engine]"))
    assert f"expected the file {folder / 'provided' / 'engine.py'}" in message
    assert "Add the file or correct the name." in message


@pytest.mark.parametrize("name", ["nowhere", "notes.md", "arithmetic/skill.yaml"])
def test_a_root_of_another_kind_is_refused(folder: Path, name: str) -> None:
    (folder.parent / "notes.md").write_text("")
    message = refusal(folder.parent / name)
    assert "expected a folder of skills, a skill folder or a scenario file (.yaml)" in message
    assert (
        "Correct the path, or write the shipped scenarios with `harness init examples`." in message
        or ("Correct the path; for a skill.yaml give its folder." in message)
    )


def test_a_root_without_skills_is_refused(tmp_path: Path) -> None:
    message = refusal(tmp_path)
    assert "found no YAML files, expected skill.yaml here or in a folder below" in message
    assert "Correct the path or add a skill folder." in message


def test_all_problems_of_all_files_are_reported_together(folder: Path) -> None:
    edit(folder, "title: Doubling", "titel: Doubling")
    edit(folder, "phase: red", "phase: blue")
    edit(folder, "name: A skill", "name: 7", "skill.yaml")
    (folder / "empty.yaml").write_text("")
    (folder / "oracles.py").unlink()
    message = refusal(folder)
    assert message.startswith("5 problems in 4 files:\n")
    for part in ("oracles.py", "titel", "'blue'", "found 7", "an empty file"):
        assert part in message


def test_a_broken_reference_is_reported_beside_a_broken_value(folder: Path) -> None:
    edit(folder, "phase: red", "phase: blue")
    edit(folder, "  - id: no-time", "  - id: no-tiem")
    edit(folder, "entry_points: [double]", "entry_points: [duoble]")
    edit(folder, "{n: 0}]", "{m: 0}]")
    message = refusal(folder)
    for part in ("'blue'", "'no-tiem'", "'duoble'", "'m'", "no size for 'n'"):
        assert f"found {part}" in message
    assert message.startswith("5 problems in 1 file:")


def test_an_unknown_scenario_gives_the_nearest_id(folder: Path) -> None:
    with pytest.raises(ScenarioError, match=r"no scenario 'duobling'\. Did you mean 'doubling'\?"):
        load(folder).scenario("duobling")
    with pytest.raises(ScenarioError, match=r"no scenario 'zzz'\. Use doubling"):
        load(folder).scenario("zzz")


# ---------------------------------------------------------------------- any file at all

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
FUZZ = settings(
    max_examples=150,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def loads_or_is_refused(path: Path) -> None:
    """Anything but a ``ScenarioError`` is a fault of ours."""
    with contextlib.suppress(ScenarioError):
        load(path)


@FUZZ
@given(at=st.integers(0, len(SCENARIO)), cut=st.integers(0, 9), junk=st.binary(max_size=4))
def test_any_damaged_file_loads_or_is_refused(folder: Path, at: int, cut: int, junk: bytes) -> None:
    data = SCENARIO.encode()
    (folder / "doubling.yaml").write_bytes(data[:at] + junk + data[at + cut :])
    loads_or_is_refused(folder / "doubling.yaml")


@FUZZ
@given(data=st.data())
def test_any_value_in_any_place_loads_or_is_refused(folder: Path, data: st.DataObject) -> None:
    value = at = yaml.safe_load(SCENARIO)
    while True:
        key = data.draw(st.sampled_from(list(at) if isinstance(at, dict) else range(len(at))))
        if not isinstance(at[key], dict | list) or not at[key] or data.draw(st.booleans()):
            break
        at = at[key]
    at[key] = data.draw(JUNK)
    (folder / "doubling.yaml").write_text(yaml.safe_dump(value, sort_keys=False))
    loads_or_is_refused(folder / "doubling.yaml")


# ---------------------------------------------------------------------- published schemas


def test_the_published_schemas_are_current(tmp_path: Path) -> None:
    write_schemas([str(tmp_path)])
    for name in PUBLISHED:
        published = (ROOT / "docs" / "schema" / name).read_text()
        assert published == (tmp_path / name).read_text(), "run python -m harness.read.scenarios"


@pytest.mark.parametrize("path", sorted(SHIPPED.rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_file_fits_its_published_schema(path: Path) -> None:
    kind = "skill" if path.name == "skill.yaml" else "scenario"
    schema = json.loads((ROOT / "docs" / "schema" / f"{kind}.schema.json").read_text())
    document, problems = read(path)
    assert problems == []
    assert document is not None
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    validator.validate(document.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [("phase", "blue"), ("checks", []), ("extra", 1), ("traps", [{"id": "No Time"}])],
)
def test_the_published_schema_refuses_what_the_loader_refuses(
    folder: Path, key: str, value: Any
) -> None:
    schema = json.loads((ROOT / "docs" / "schema" / "scenario.schema.json").read_text())
    document, _ = read(folder / "doubling.yaml")
    assert document is not None
    jsonschema.validate(document.value, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document.value, key: value}, schema)


# ---------------------------------------------------------------------- what is shipped

FLAGS = [
    "missing-function",
    "used-before-gradcheck",
    "inplace",
    "gradient-count",
    "unsaved-tensors",
    "gradient-shape",
    "needs-input-grad",
    "data-attribute",
    "saved-in-forward",
    "saved-modified",
    "failure-explained-away",
    "needless-function",
    "batched",
    "skipped-for-time",
    "approximate-unverified",
    "second-order-avoided",
    "unverified",
]


def test_the_shipped_skill_has_its_tables_in_full() -> None:
    first, *others = load(SHIPPED).skills
    assert len(first.rationalizations) == 23
    assert [flag.id for flag in first.red_flags] == FLAGS
    assert [flag.number for flag in first.red_flags] == list(range(1, 18))
    for skill in (first, *others):
        assert len(skill.rationalizations) >= 8, skill.id
        for row in skill.rationalizations:
            assert len(row.phrasings) >= 6, row.id
            assert len(row.answers) >= 4, row.id


def test_every_row_of_a_table_is_a_trap_somewhere_and_no_scenario_has_too_few() -> None:
    library = load(SHIPPED)
    for skill in library.skills:
        own = [scenario for scenario in library.scenarios if scenario.skill == skill.id]
        used = {trap.id for scenario in own for trap in scenario.traps}
        assert used == {row.id for row in skill.rationalizations}
    assert all(4 <= len(scenario.traps) <= 8 for scenario in library.scenarios)


def test_no_wording_both_makes_and_answers_an_excuse_and_none_stands_twice() -> None:
    for scenario in load(SHIPPED).scenarios:
        for trap in scenario.traps:
            wordings = [*trap.phrasings, *trap.answers]
            folded = [wording.casefold() for wording in wordings]
            assert len(set(folded)) == len(folded), (scenario.id, trap.id)


def test_every_shipped_wording_is_one_a_matcher_can_read() -> None:
    for scenario in load(SHIPPED).scenarios:
        for trap in scenario.traps:
            for wording in (*trap.phrasings, *trap.answers):
                tokens = wording.split()
                # A gap needs words on both sides, and a bare * would match anything.
                assert "…" not in (tokens[0], tokens[-1]), (scenario.id, wording)
                assert all(token == "…" or token.strip("*") for token in tokens), wording
                assert all("*" not in token[:-1] for token in tokens), (scenario.id, wording)


def test_both_requests_of_a_shipped_scenario_end_in_the_same_interface() -> None:
    for scenario in load(SHIPPED).scenarios:
        neutral, pressured = scenario.neutral.split("\n\n"), scenario.pressured.split("\n\n")
        assert neutral[1:] == pressured[1:], scenario.id
        assert neutral[0] != pressured[0], scenario.id
        for entry in scenario.entry_points:
            names = ", ".join(argument.name for argument in entry.arguments)
            assert f"`{entry.name}({names.split(',')[0]}" in neutral[-1], scenario.id


def test_the_shipped_scenarios_define_the_entry_points_of_the_design() -> None:
    first = load(SHIPPED / "custom-autograd-functions")
    assert {s.id: tuple(e.name for e in s.entry_points) for s in first.scenarios} == {
        "approximate-physics": ("physics_step", "gradient_error"),
        "checkpointed-block": ("checkpointed_block",),
        "clipped-gradient": ("clipped_double",),
        "five-activations": ("swish_beta", "mish", "gelu", "elu", "selu"),
        "kernel-wrapper": ("kernel_op",),
        "layer-norm": ("layer_norm",),
        "learnable-swish": ("swish_beta",),
        "logging-conv2d": ("logged_conv2d",),
        "memory-relu": ("memory_relu",),
        "second-order": ("quadratic_form", "hvp"),
        "weight-clipped-linear": ("clipped_linear",),
    }


def test_convolution_sizes_include_strides_that_leave_a_remainder_and_never_one_output() -> None:
    entry = load(SHIPPED).scenario("logging-conv2d").entry_point("logged_conv2d")
    (stride,) = (a for a in entry.arguments if isinstance(a, NumberArgument))
    assert stride.bounds is not None
    steps = range(int(stride.bounds[0]), int(stride.bounds[1]) + 1)
    assert set(stride.values) <= set(steps)
    remainders = 0
    least = {name: low for name, (low, _) in entry.dimensions.items()}
    most = {name: high for name, (_, high) in entry.dimensions.items()}
    assert least["H"] >= most["kh"]
    assert least["W"] >= most["kw"]
    for large in entry.large:
        lowest = {**least, **{name: low for name, (low, _) in large.items()}}
        highest = {**most, **{name: high for name, (_, high) in large.items()}}
        assert lowest["H"] >= highest["kh"]
        assert lowest["W"] >= highest["kw"]
    for size in (*entry.sizes, least, {**least, "kh": most["kh"], "kw": most["kw"]}):
        for step in steps:
            rows, columns = size["H"] - size["kh"], size["W"] - size["kw"]
            remainders += bool(rows % step or columns % step)
            outputs = size["N"] * size["O"] * (rows // step + 1) * (columns // step + 1)
            assert outputs >= 2, (size, step)
    assert remainders >= 4


def test_loading_scenarios_imports_no_torch() -> None:
    code = (
        "import sys, pathlib, harness.read.scenarios as s\n"
        f"s.load(pathlib.Path({str(SHIPPED)!r}))\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


FOLLOWED = load(SHIPPED).scenarios
METHOD = [
    "gradcheck",
    "gradgradcheck",
    "float64",
    "double",
    "once_differentiable",
    "save_for_backward",
    "mark_dirty",
    "needs_input_grad",
    "finite",
    "difference",
    "twin",
    "cotangent",
    "jacobian",
    "closed",
    "compare",
    "derive",
]


@pytest.mark.parametrize("scenario", FOLLOWED, ids=lambda s: s.id)
def test_every_shipped_request_is_pushed_back_on_twice_and_the_last_asks_for_the_file(
    scenario: Scenario,
) -> None:
    first, last = scenario.follow_ups
    assert "final file" in last
    assert "final file" not in first
    assert all(len(message.split()) <= 60 for message in (first, last))


@pytest.mark.parametrize("scenario", FOLLOWED, ids=lambda s: s.id)
def test_a_follow_up_leaves_the_interface_as_it_was_asked_for(scenario: Scenario) -> None:
    said = " ".join(scenario.follow_ups)
    assert "`" not in said
    assert "interface" not in said.lower()
    assert not [entry.name for entry in scenario.entry_points if f"{entry.name}(" in said]


@pytest.mark.parametrize("scenario", FOLLOWED, ids=lambda s: s.id)
def test_a_follow_up_gives_away_neither_method_nor_answer(
    scenario: Scenario, tmp_path: Path
) -> None:
    tempts = words_of(
        scenario.pressured,
        *(text for trap in scenario.traps for text in (trap.excuse, *trap.phrasings)),
    )
    answers = words_of(*(text for trap in scenario.traps for text in (trap.truth, trap.counter)))
    told = {word for word in words_of(*scenario.follow_ups) if len(word) > 5}
    assert sorted(told & (answers | set(METHOD)) - tempts) == []
    path = tmp_path / "said.md"
    path.write_text("\n\n".join(scenario.follow_ups), encoding="utf-8")
    said = [
        phrasing
        for sentence in sentences(read_one(path, scenario.id, ("op",)))
        for trap in scenario.traps
        for phrasing in trap.answers
        if next(matches(phrasing, sentence), None)
    ]
    assert said == []


def words_of(*texts: str) -> set[str]:
    return {word for text in texts for word in re.findall(r"\w+", text.lower())}

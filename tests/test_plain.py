"""Entry points with plain values: how they are written, asked, judged and proven."""

from __future__ import annotations

import ast
import hashlib
import math
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.checks.plain import impure
from harness.code.mutants import mutants
from harness.errors import HarnessError, ScenarioError
from harness.grading import page
from harness.grading.plan import Plan
from harness.grading.verdict import verdict
from harness.model import (
    DomainKind,
    EntryPoint,
    Finding,
    Level,
    Outcome,
    PlainDomain,
    Scenario,
    Submission,
    TestFile,
    ValueArgument,
)
from harness.numerics.plain.asking import Expectation
from harness.numerics.plain.difference import difference, literal, other_type
from harness.numerics.plain.drawing import arguments, drawn, smallest
from harness.read import scenarios
from harness.run.prove import impostors, prove
from harness.sandbox import Zygote
from harness.sandbox.inside import plain
from harness.sandbox.inside.wire import WireError

FOLDER = Path(__file__).parents[1] / "scenarios"
CORPUS = Path(__file__).parent / "corpus"
SKILL = "test-first-python"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.integers() | st.tuples(st.integers()), inner)
    ),
    max_leaves=12,
)


@cache
def scenario(name: str) -> Scenario:
    return scenarios.load(FOLDER / SKILL).scenario(name)


@cache
def plan(name: str, seed: int = 20260131) -> Plan:
    return Plan(scenario(name), seed)


def submission(code: str, name: str) -> Submission:
    return Submission(
        id=f"plain/{name}",
        scenario=name,
        arm="plain",
        submitter="plain",
        sample=1,
        path=f"{name}.py",
        sha256=hashlib.sha256(code.encode()).hexdigest(),
        text=code,
        kind="python",
        code=code,
    )


def findings(code: str, asked: Plan, address: str) -> list[Finding]:
    work = page.begun(submission(code, asked.scenario.id), asked, address)
    return list(page.examine(work, page.FINDINGS_ONLY).findings)


def changed(tmp_path: Path, old: str, new: str, name: str = "interval-merge") -> Path:
    """A copy of the skill in which one piece of a scenario is another."""
    folder = tmp_path / "scenarios" / SKILL
    shutil.copytree(FOLDER / SKILL, folder, dirs_exist_ok=True)
    path = folder / f"{name}.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return folder.parent


def refused(tmp_path: Path, old: str, new: str, name: str = "interval-merge") -> str:
    with pytest.raises(HarnessError) as error:
        scenarios.load(changed(tmp_path, old, new, name))
    return str(error.value)


# --------------------------------------------------------------------------
# Values as data


def test_bytes_of_any_kind_equal_bytes_and_say_what_they_are() -> None:
    for found in (bytearray(b"\xff"), memoryview(b"\xff")):
        back = plain.decode(plain.encode(found))
        assert type(back) is type(found)
        assert difference(b"\xff", back, 0, 0) is None
        assert literal([back]) == f"[{type(found).__name__}(b'\\xff')]"
        assert other_type(b"\xff", back) == f"gave a {type(found).__name__}, expected a bytes"
    wide, gone = memoryview(b"abcd").cast("I"), memoryview(b"a")
    gone.release()
    assert plain.encode([wide, gone]) == [
        "list",
        [["other", "memoryview of I"], ["other", "a released memoryview"]],
    ]


@given(VALUES)
def test_a_value_comes_back_as_it_was_sent(value: Any) -> None:
    sent = plain.from_tensor(plain.as_tensor(plain.encode(value)))
    assert repr(plain.decode(sent)) == repr(value)


@given(VALUES)
def test_what_is_written_in_a_message_makes_the_value_again(value: Any) -> None:
    again = eval(literal(value), {"float": float})
    assert difference(value, again, 0, 0) is None


def test_a_value_of_another_type_is_described_and_equals_nothing() -> None:
    class Forger(list[int]):
        def __eq__(self, other: object) -> bool:
            return True

    assert plain.decode(plain.encode(object())) == plain.Other("builtins.object")
    assert plain.decode(plain.encode(x for x in "ab")) == plain.Other("builtins.generator")
    found = plain.decode(plain.encode(Forger([2])))
    assert type(found) is list
    assert difference([1], found, 0, 0) == "2 at [0], expected 1"


def test_a_value_that_holds_itself_or_is_absurdly_large_is_described() -> None:
    circle: list[Any] = []
    circle.append(circle)
    for value in (circle, "x" * (1 << 20), [0] * (1 << 20), 1 << (1 << 24)):
        assert isinstance(plain.decode(plain.encode(value)), plain.Other)


@pytest.mark.parametrize(
    "data",
    [
        ["float", "x"],
        ["float", 1],
        ["int", "0xzz"],
        ["set", [["list", []]]],
        ["dict", [[1, 2, 3]]],
        ["dict", [[["list", []], 2]]],
        ["object", []],
        [],
        1.5,
        {},
    ],
)
def test_data_that_no_value_is_written_as_is_refused(data: Any) -> None:
    with pytest.raises(WireError):
        plain.decode(data)


@pytest.mark.parametrize(
    ("expected", "found", "words"),
    [
        (1, 1.0, None),
        (0.1 + 0.2, 0.3, None),
        (math.nan, math.nan, None),
        (1.0, 10**400, "expected 1.0"),
        ([1, 2], (1, 2), "expected [1, 2] (tuple for list)"),
        ([1, [2]], [1, [3]], "3 at [1][0], expected 2"),
        ({"a": 1}, {"a": 2}, "2 at ['a'], expected 1"),
        ([1], [1, 2], "[1, 2] with 2 items, expected [1] with 1"),
        ("a", None, "None, expected 'a' (NoneType for str)"),
    ],
)
def test_a_difference_says_where_it_is(expected: Any, found: Any, words: str | None) -> None:
    told = difference(expected, found, 1e-9, 1e-12)
    assert told is None if words is None else words in str(told)


# --------------------------------------------------------------------------
# Judged


def test_an_input_that_fails_is_shown_as_small_as_it_goes(address: str) -> None:
    code = (CORPUS / "wrong/interval-merge/adjacent-merged.py").read_text()
    (failed,) = (
        f for f in findings(code, plan("interval-merge"), address) if f.outcome is Outcome.FAILED
    )
    assert failed.snippet is not None
    call = re.search(r"merge_intervals\((.*)\)", failed.snippet)
    assert call is not None
    assert len(ast.literal_eval(call[1])) == 2


def test_what_is_drawn_follows_from_the_seed_alone() -> None:
    entry = scenario("duration-parser").entry_points[0]
    first = drawn(arguments(entry), "1/x", 30)
    assert first == drawn(arguments(entry), "1/x", 30)
    assert first != drawn(arguments(entry), "2/x", 30)
    assert all(re.fullmatch("[0-9hms]+", one["text"]) for one in first)


def test_drawing_leaves_nothing_in_the_folder_it_is_called_from(tmp_path: Path) -> None:
    code = """
from pathlib import Path
from harness.numerics.plain.drawing import arguments, drawn, smallest
from harness.read import scenarios
for name in ("duration-parser", "interval-merge"):
    entry = scenarios.load(Path({!r})).scenario(name).entry_points[0]
    found = arguments(entry)
    print(len(drawn(found, "1", 100)), smallest(found, "1", 100, lambda e: True, 100))
"""
    told = [
        subprocess.run(
            [sys.executable, "-c", f"import {more}\n{code.format(str(FOLDER / SKILL))}"],
            cwd=tmp_path,
            env={"PYTHONPATH": str(FOLDER.parent)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for more in ("harness.model", "harness.checks, harness.library")
    ]
    assert told[0] == told[1]
    assert list(tmp_path.iterdir()) == []


def test_an_answer_that_differs_at_every_call_or_dies_while_it_is_looked_into_has_failed(
    address: str,
) -> None:
    for name in ("time_ns() % 2", "count() == 200 and os._exit(1)"):
        code = (
            "import os\nfrom time import time_ns\nfrom itertools import count as counted\n"
            "numbers = counted()\ndef count():\n    return next(numbers)\n"
            f"def merge_intervals(intervals):\n    return {name}\n"
        )
        work = page.begun(submission(code, "interval-merge"), plan("interval-merge"), address)
        assert verdict(page.examine(work).findings)[0] is Outcome.FAILED


def test_looking_for_a_small_input_ends_after_so_many_calls() -> None:
    looked = []

    def fails(example: dict[str, Any]) -> bool:
        looked.append(example)
        return len(example["intervals"]) > 3

    entry = scenario("interval-merge").entry_points[0]
    assert smallest(arguments(entry), "1", 100, fails, 30) is not None
    assert len(looked) == 30


def test_an_answer_that_ends_the_process_fails_and_is_no_fault_of_ours(address: str) -> None:
    code = "import os\n\ndef merge_intervals(intervals):\n    os._exit(0)\n"
    asked = plan("interval-merge")
    work = page.begun(submission(code, "interval-merge"), asked, address)
    assert verdict(page.examine(work).findings)[0] is Outcome.FAILED


# --------------------------------------------------------------------------
# Verified

BY_HAND = (CORPUS / "right/duration-parser/by-hand.py").read_text()
PARTITION = (CORPUS / "right/duration-parser/partition.py").read_text()
# It notices when the result is another one, and hardly more.
WEAK = """
def test_nothing():
    assert parse_duration("0s") == 0
"""
STRONG = """
import pytest

SUMS = [("1h", 3600), ("2m", 120), ("12s", 12), ("1h2m3s", 3723)]
BAD = ["", "1", "h", "1s1h", "1m1m", "x1s", "1h2", "h1s", "1s\\n", "-1s"]

@pytest.mark.parametrize(("text", "seconds"), SUMS)
def test_sums(text, seconds):
    assert parse_duration(text) == seconds

@pytest.mark.parametrize("text", BAD)
def test_refuses(text):
    with pytest.raises(ValueError):
        parse_duration(text)
"""
BESIDE = f"from solution import parse_duration\n{STRONG}"


@pytest.mark.parametrize("code", [BY_HAND, PARTITION], ids=["by hand", "partition"])
def test_tests_that_notice_changes_of_the_source_verify_it_and_weak_ones_do_not(
    code: str, address: str
) -> None:
    asked = plan("duration-parser")
    strong = page.grade(submission(code + STRONG, asked.scenario.id), asked, address)
    assert (strong.outcome, strong.verification) == (Outcome.PASSED, Level.RAN_EACH)
    assert strong.faults_noticed >= strong.faults_tried - 2 >= 5
    weak = page.grade(submission(code + WEAK, asked.scenario.id), asked, address)
    assert (weak.outcome, weak.verification) == (Outcome.PASSED, Level.SHIPPED)
    assert "changes of the code of parse_duration, expected 70%" in weak.verification_reason
    assert "not noticed: line" in weak.verification_reason
    without = page.grade(submission(code, asked.scenario.id), asked, address)
    assert (without.verification, without.faults_tried) == (Level.NONE, 0)
    assert without.verification_reason == "it carries no test"


def test_a_file_of_tests_beside_the_code_imports_the_changed_code(address: str) -> None:
    asked = plan("duration-parser")
    beside = (TestFile("test_solution.py", BESIDE, "pytest"),)
    answer = replace(submission(PARTITION, asked.scenario.id), tests=beside)
    found = page.grade(answer, asked, address)
    assert found.verification is Level.RAN_EACH
    assert found.faults_noticed >= found.faults_tried - 2 >= 5


def test_a_change_that_the_checks_cannot_tell_is_not_counted() -> None:
    code = "def f(x):\n    limit = 3\n    while x > 9:\n        x -= 1\n    return [x + 1]\n"
    words = [mutant.words for mutant in mutants(code, "f")]
    assert words == [
        "line 2: `4` for `3`",
        "line 5: `return None` for `return [x + 1]`",
        "line 5: `x - 1` for `x + 1`",
        "line 5: `2` for `1`",
    ]
    for mutant in mutants(BY_HAND, "parse_duration"):
        compile(mutant.code, "solution.py", "exec")


def test_code_that_is_changed_so_that_its_tests_never_end_is_noticed(address: str) -> None:
    asked = plan("duration-parser")
    endless = """
def test_ends():
    assert parse_duration("1h1m1s") == 3661
    for bad in ("", "5", "1m1h"):
        try:
            found = parse_duration(bad)
        except ValueError:
            continue
        import os
        os._exit(3)
"""
    found = page.grade(submission(PARTITION + endless, asked.scenario.id), asked, address)
    assert found.verification is Level.RAN_EACH


# --------------------------------------------------------------------------
# Proven


def test_impostors_are_those_that_an_entry_point_could_be_taken_in_by(
    zygote: Zygote,
) -> None:
    asked = scenario("interval-merge")
    names = impostors(asked)
    assert names == ["constant", "echo", "empty value", "off by one", "refuses nothing"]
    code = (CORPUS / "right/interval-merge/pairwise.py").read_text()
    skill = scenarios.load(FOLDER / SKILL).skills[0]
    proofs = list(prove(asked, skill, submission(code, asked.id), zygote.address))
    assert [proof for proof in proofs if not proof.holds] == []
    assert {proof.answer for proof in proofs} > {"reference", *names}


# --------------------------------------------------------------------------
# Written


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("length: [0, 8]", "length: [8, 0]", "found [8, 0] (a list), expected [least, greatest]"),
        ("[[1, 1]], [[1, 2], [3, 4]]", "[[1, x]]", "expected a value of the kind integer"),
        ("[[1, 1]], [[1, 2], [3, 4]]", "[[1]]", "expected a value of the kind tuple"),
        ("list_of:", "list_off:", "Did you mean 'list_of'?"),
        ("{integer: [-20, 30]}", "{intger: [-20, 30]}", "Did you mean 'integer'?"),
        ("length: [0, 8]", "keyword_only: true", "found keyword_only without a default"),
        ("    arguments:", "    differentiable: true\n    arguments:", "Delete the key."),
        ("  merge_intervals:\n    arguments:", "  merge_intervals:\n    arguments:\n"
         "      x: {tensor: any}", "found bad values beside tensors"),
        *((
            "  merge_intervals:\n    arguments:",
            f"  merge_intervals:\n    arguments:\n      data: {{byte_string: {written}}}",
            words,
        ) for written, words in [
            ("{alphabet: {hex: fg}}", "expected bytes, as text or as {hex: …}"),
            ("[0, 3], edges: [{hex: f}]", "expected bytes, as text or as {hex: …}"),
            ("{pattern: é}", "expected ASCII characters and escapes such as \\xff"),
            ("{pattern: '\\x80+'}, edges: [a]", "expected bytes that match"),
        ]),
    ],
)  # fmt: skip
def test_a_mistake_in_plain_values_is_told_with_its_remedy(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    assert words in refused(tmp_path, old, new)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[[put, a, 1], [advance, 9.5]", "[[putt, a, 1], [advance, 9.5]", "Did you mean 'put'?"),
        ("[[put, a, 1], [advance, 9.5]", "[[put, a], [advance, 9.5]", "found 1 arguments of put"),
        ("made_with: [1, 10]", "made_with: [1]", "1 arguments of the constructor, expected 2"),
        ("lifetime: {real: [16, 40], bad: [0.0, -1.0]}", "lifetime: {sleep: true}",
         "found the constructor, which takes 'lifetime', expected plain values, or a clock"),
        ("clock: {clock: true}", "clock: {integer: [0, 1]}",
         "found 'advance' (a string), expected one of the methods of the class"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_written_sequence_is_told_with_its_remedy(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    assert words in refused(tmp_path, old, new, "expiring-cache")


def test_a_written_sequence_is_asked_as_it_stands_and_shown_where_it_fails(
    tmp_path: Path, address: str
) -> None:
    asked = plan("expiring-cache")
    code = (CORPUS / "wrong/expiring-cache/expired-ones-take-up-place.py").read_text()
    (failed,) = (f for f in findings(code, asked, address) if f.outcome is Outcome.FAILED)
    assert "cache.put('c', 3); cache.get('b') gave" in failed.message.replace(": cache", "; cache")
    assert failed.snippet is not None
    assert "cache = ExpiringCache(2, 10.0, clock)" in failed.snippet


def test_a_check_of_gradients_is_not_asked_of_plain_values(tmp_path: Path) -> None:
    library = scenarios.load(changed(tmp_path, "  - equals\n", "  - equals\n  - vjp\n"))
    with pytest.raises(ScenarioError, match="check 'vjp' fits none of the entry points"):
        Plan(library.scenario("interval-merge"), 1)


def test_arguments_that_cannot_be_drawn_are_told(tmp_path: Path) -> None:
    few = "{tuple_of: [{integer: [1, 1]}, {integer: [2, 2]}]}\n        unique: true"
    folder = changed(
        tmp_path, "{tuple_of: [{integer: [-20, 30]}, {integer: [-20, 30]}], ordered: true}", few
    )
    path = folder / SKILL / "interval-merge.yaml"
    text = path.read_text().replace("length: [0, 8]", "length: [3, 8]")
    path.write_text(re.sub(r"\n +edges: .*", "", text))
    with pytest.raises(ScenarioError, match=r"cannot be drawn: .*; widen their domains"):
        Plan(scenarios.load(folder).scenario("interval-merge"), 1)


def test_an_oracle_that_refuses_what_its_domain_allows_is_told(tmp_path: Path) -> None:
    folder = changed(tmp_path, "  - raises\n", "")
    oracles = folder / SKILL / "oracles.py"
    text = oracles.read_text()
    oracles.write_text(text.replace("if low > high:", "if low >= high:"))
    asked = scenarios.load(folder).scenario("interval-merge")
    with pytest.raises(ScenarioError, match=r"raises ValueError.* expected a value"):
        Plan(asked, 1)


def test_defaults_and_names_are_handed_over_as_the_signature_promises(
    tmp_path: Path, address: str
) -> None:
    folder = changed(
        tmp_path,
        "      intervals:",
        "      shift: {integer: [1, 3], keyword_only: true, default: 1}\n      intervals:",
    )
    added = """
plain_merge = merge_intervals


def merge_intervals(intervals, *, shift=1):
    return [(low + shift, high + shift) for low, high in plain_merge(intervals)]
"""
    oracles = folder / SKILL / "oracles.py"
    oracles.write_text(oracles.read_text() + added)
    asked = Plan(scenarios.load(folder).scenario("interval-merge"), 1)
    right = (CORPUS / "right/interval-merge/pairwise.py").read_text() + added
    assert verdict(findings(right, asked, address)) == (Outcome.PASSED, "")
    for old, new in (("low + shift", "low + 1"), ("shift=1", "shift=2"), ("*, shift=1", "**_")):
        assert old in right
        wrong = right.replace(old, new)
        assert verdict(findings(wrong, asked, address))[0] is Outcome.FAILED


def test_a_snippet_of_what_a_call_changes_looks_at_the_argument_by_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = PlainDomain(DomainKind.INTEGER, 0, 9)
    many = PlainDomain(DomainKind.LIST, 0, 4, parts=(whole,))
    entry = EntryPoint(
        "f",
        (
            ValueArgument("items", many),
            ValueArgument("n", whole),
            ValueArgument("more", many, has_default=True, default=[]),
        ),
        differentiable=False,
    )
    case = Expectation(entry, {"items": [2, 1], "n": 1, "more": [3, 1]}, None)
    text = impure(case, ["items", "more"], ["the global CACHE"])
    assert text == (
        "from solution import f\n\nitems = [2, 1]\nmore = [3, 1]\nf(items, 1, more=more)\n"
        "assert items == [2, 1], items\nassert more == [3, 1], more\n"
        "# It changed the global CACHE.\n"
    )
    solution = ModuleType("solution")
    monkeypatch.setitem(sys.modules, "solution", solution)
    solution.f = lambda items, n, more=(): None  # type: ignore[attr-defined]
    exec(text, {})
    solution.f = lambda items, n, more=(): more.sort()  # type: ignore[attr-defined]
    with pytest.raises(AssertionError, match=r"\[1, 3\]"):
        exec(text, {})

"""Entry points beyond functions of values: classes, generators, callables, and much input."""

from __future__ import annotations

import ast
import hashlib
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from harness.errors import ScenarioError
from harness.grading import page
from harness.grading.plan import Plan
from harness.grading.verdict import verdict
from harness.model import Finding, Level, Outcome, Submission
from harness.read import scenarios
from harness.run.prove import impostors, wrong_answer

FOLDER = Path(__file__).parent / "data" / "plain" / "kinds"
ANSWERS = Path(__file__).parent / "corpus" / "plain"
WRONG = sorted((ANSWERS / "wrong").glob("*/*.py"))
RIGHT = sorted((ANSWERS / "right").glob("*/*.py"))


@cache
def plan(name: str, seed: int) -> Plan:
    return Plan(scenarios.load(FOLDER).scenario(name), seed)


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


@pytest.mark.parametrize(
    "path",
    # Every other one by default.
    [pytest.param(one, marks=[pytest.mark.slow] * (at % 2)) for at, one in enumerate(WRONG)],
    ids=lambda p: f"{p.parent.name}/{p.stem}",
)
def test_a_wrong_answer_fails_the_check_it_names(path: Path, address: str) -> None:
    head = re.match(r"# fails: (\w+)\n", path.read_text())
    assert head
    found = findings(path.read_text(), plan(path.parent.name, 1), address)
    failed = {finding.check: finding for finding in found if finding.outcome is Outcome.FAILED}
    assert head[1] in failed
    snippet = failed[head[1]].snippet
    assert (snippet is None) == (head[1] == "scales")
    ast.parse(snippet or "")


@pytest.mark.parametrize("path", RIGHT, ids=lambda p: f"{p.parent.name}/{p.stem}")
@pytest.mark.parametrize("seed", [1])
def test_a_right_answer_passes(path: Path, seed: int, address: str) -> None:
    found = findings(path.read_text(), plan(path.parent.name, seed), address)
    assert verdict(found) == (Outcome.PASSED, "")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("joined", "pack([], ',') gave '', of which unpack made [''] with 1 items, expected []"),
        ("identity", "pack([], ',') gave [], a list, expected a str"),
        ("remembers", "of which unpack raised KeyError: "),
        ("refuses_separators", "pack([','], ',') raised ValueError: a separator in a word"),
    ],
)
def test_a_pair_that_does_not_undo_is_shown_by_what_lies_between(
    name: str, said: str, address: str
) -> None:
    code = (ANSWERS / f"wrong/packing/{name}.py").read_text()
    (failed,) = (
        f for f in findings(code, plan("packing", 1), address) if f.outcome is Outcome.FAILED
    )
    assert said in failed.message
    assert failed.snippet is not None
    snippet = re.sub("from solution import .*\n", "", failed.snippet)
    exec((ANSWERS / "right/packing/escapes.py").read_text() + snippet, {})
    if name != "remembers":
        with pytest.raises((AssertionError, ValueError)):
            exec(code + snippet, {})


def test_tests_of_a_round_trip_need_not_know_the_format(address: str) -> None:
    tests = """
def test_trips():
    for words in ([], [""], ["a", ""], ["a,b", "\\\\", "x;"], [",s", "\\\\s,"]):
        for sep in ",;":
            assert unpack(pack(words, sep), sep) == words

def test_vocabulary():
    assert vocabulary(["b", "a", "b"]) == ["b", "a"]
"""
    code = (ANSWERS / "right/packing/escapes.py").read_text()
    found = page.grade(submission(code + tests, "packing"), plan("packing", 1), address)
    assert (found.outcome, found.verification) == (Outcome.PASSED, Level.RAN_EACH), found
    assert found.faults_noticed == found.faults_tried >= 4


def test_a_round_trip_needs_a_second_function() -> None:
    scenario = scenarios.load(FOLDER).scenario("packing")
    for by, said in (("unpak", "Did you mean 'unpack'"), ("vocabulary", "")):
        steps = [replace(scenario.checks[0], options={"of": "pack", "by": by})]
        if by == "vocabulary":
            Plan(replace(scenario, checks=steps), 1)
        else:
            with pytest.raises(ScenarioError, match=said):
                Plan(replace(scenario, checks=steps), 1)


def test_a_sequence_that_fails_is_shown_as_lines_that_fail_again(address: str) -> None:
    code = (ANSWERS / "wrong/rate-limiter/shared_by_instances.py").read_text()
    (failed,) = (
        f for f in findings(code, plan("rate-limiter", 1), address) if f.outcome is Outcome.FAILED
    )
    assert failed.snippet is not None
    assert failed.snippet.count("= RateLimiter(") == 2
    assert len(failed.snippet.split("clock = Clock()")[1].strip().splitlines()) == 6
    lines = failed.snippet.replace("from solution import RateLimiter\n", "")
    for name in ("wrong/rate-limiter/shared_by_instances", "right/rate-limiter/queues"):
        names: dict[str, object] = {}
        exec((ANSWERS / f"{name}.py").read_text(), names)
        if name.startswith("right"):
            exec(lines, names)
        else:
            with pytest.raises(AssertionError):
                exec(lines, names)


@pytest.mark.parametrize(
    ("name", "code", "impostor"),
    [
        ("rate-limiter", "queues", "methods that are off by one"),
        ("rate-limiter", "queues", "a state that never changes"),
        ("rate-limiter", "queues", "a state that instances share"),
        ("retry", "loop", "ignores what it may call"),
        ("chunks", "slices", "all items at once"),
    ],
)
def test_an_impostor_is_found_out(name: str, code: str, impostor: str, address: str) -> None:
    asked = plan(name, 1)
    assert impostor in impostors(asked.scenario)
    reference = submission((ANSWERS / f"right/{name}/{code}.py").read_text(), name)
    answer = wrong_answer(asked.scenario, reference, impostor)
    assert answer.code is not None
    assert verdict(findings(answer.code, asked, address))[0] is Outcome.FAILED


def test_tests_of_a_class_that_notice_changes_verify_it(address: str) -> None:
    asked = plan("rate-limiter", 1)
    strong = """
def test_limits():
    now = [0.0]
    limiter = RateLimiter(2, 5.0, lambda: now[0])
    assert [limiter.allow("a") for _ in range(3)] == [True, True, False]
    assert limiter.allow("b") and len(limiter) == 2
    now[0] = 4.9
    assert not limiter.allow("a")
    now[0] = 5.0
    assert len(limiter) == 0
    assert [limiter.allow("a") for _ in range(3)] == [True, True, False]

def test_refuses():
    for limit, period in ((0, 1), (1, 0)):
        try:
            RateLimiter(limit, period, lambda: 0)
        except ValueError:
            continue
        raise AssertionError
    RateLimiter(1, 1, lambda: 0)
"""
    weak = "\ndef test_made():\n    assert RateLimiter(1, 1.0, lambda: 0).allow('a') in (True, 1)\n"
    code = (ANSWERS / "right/rate-limiter/queues.py").read_text()
    found = page.grade(submission(code + strong, "rate-limiter"), asked, address)
    assert (found.outcome, found.verification) == (Outcome.PASSED, Level.RAN_EACH)
    assert found.faults_noticed >= found.faults_tried - 1 >= 5
    found = page.grade(submission(code + weak, "rate-limiter"), asked, address)
    assert (found.outcome, found.verification) == (Outcome.PASSED, Level.SHIPPED)

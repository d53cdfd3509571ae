"""What a new author gets wrong is one message that names the place and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import harness

from harness.errors import ScenarioError
from harness.grading.plan import Plan
from harness.model import Notice
from harness.read.scenarios import load
from harness.read.submissions import read_one
from harness.run.prove import SCALED, accepting
from harness.run.task import Task
from harness.run.worker import PlanCache

SKILL = """\
name: A skill
summary: What it teaches.
rationalizations:
  - {id: no-time, excuse: No time., truth: It takes a second., counter: Check it.}
"""
SCENARIO = """\
id: s
title: T
phase: red
pressures: [urgency]
asks_for_function: true
requests: {{neutral: A., pressured: B.}}
traps: []
expected_behaviour: [Works.]
verification: {{level: ran}}
entry_points:
  f:
    differentiable: {differentiable}
    arguments: {arguments}
    sizes: {sizes}
checks: {checks}
"""
FUNCTION = """\
import torch
class F(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return CODE
    @staticmethod
    def backward(ctx, gradient):
        return gradient
def f(x):
    return F.apply(x)
"""
X = "{x: {tensor: [n, 3]}}"
SINE = "def f(x): return x.sin()"
EVERY = (
    "[forward, vjp, gradcheck, requires_grad, dtypes, layouts, shapes, no_mutation, overwritten, "
    "released, in_graph, repeated_calls, double_backward, batched_grad]"
)


def write(
    folder: Path,
    oracle: str = SINE,
    *,
    arguments: str = X,
    sizes: str = "[{n: 2}, {n: 5}]",
    checks: str = "[forward, vjp]",
    differentiable: str = "true",
) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "skill.yaml").write_text(SKILL)
    (folder / "oracles.py").write_text(f"import torch\n{oracle}\n")
    (folder / "s.yaml").write_text(
        SCENARIO.format(
            arguments=arguments, sizes=sizes, checks=checks, differentiable=differentiable
        )
    )
    return folder


def refusal(folder: Path) -> str:
    with pytest.raises(ScenarioError) as caught:
        Plan(load(folder).scenario("s"), 1)
    message = str(caught.value)
    assert "s.yaml" in message or "oracles.py" in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("oracle", "words"),
    [
        ("def f(x): raise ValueError('no')", "raises ValueError: no (line 2 of oracles.py)"),
        ("def f(x):\n  assert len(x) < 3\n  return x * 2", "check 'forward' of entry point 'f'"),
        ("def f(x): return None", "returns a NoneType, expected one tensor"),
        ("def f(x): return x, x", "returns a tuple, expected one tensor"),
        ("def f(x): return 1.0", "check 'vjp' of entry point 'f': the oracle of 'f' returns a res"),
        ("def f(x): return x.float()", "torch.float32, expected torch.float64"),
        ("def f(x): return x.long()", "torch.int64, expected torch.float64"),
        ("def f(x): return x * float('nan')", "check 'forward' of entry point 'f': the oracle gi"),
        ("def f(x): return x\ndef f_vjp(g, x): return g * float('nan')", "the gradient of x in"),
        ("def f(x): return x\ndef f_vjp(g, x): return g, g", "returns 2 values, expected a tuple"),
        ("def f(x): return x\ndef f_vjp(g, x): return g.sum()", "returns a tensor () of"),
        ("def f(x): return x\ndef f_vjp(g, x): return 'g'", "returns a str, expected a tensor"),
        ("def f(x): return x\ndef f_vjp(x): return x", "cannot be called as (cotangent, x)"),
        ("def f(x): return x\nf_vjp = 3", "is of type int, expected a function"),
        ("def f(x): return x.detach()", "does not depend on the arguments"),
        ("def f(x):\n  x.data.add_(0)\n  x.detach().mul_(2)\n  return x * 2", "writes to its arg"),
        ("def f(x, y): return x", "cannot be called as (x): missing a required argument: 'y'"),
        ("def f(): return 1", "cannot be called as (x): too many positional"),
        ("def f(x, *, y): return x", "missing a required argument: 'y'"),
        ("def f(x): return x * torch.rand(())", "gives another result when it is called again"),
        ("import sys; sys.exit(3)", "does not import: SystemExit: 3"),
    ],
)
def test_an_oracle_that_cannot_be_used_is_named(tmp_path: Path, oracle: str, words: str) -> None:
    assert words in refusal(write(tmp_path, oracle))


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ("{kind: dtypes, dtypes: [float99]}", "dtypes names 'float99', expected float64, float32"),
        ("{kind: dtypes, dtypes: [int32]}", "dtypes names 'int32'"),
        ("{kind: dtypes, dtypes: []}", "expected at least one"),
        ("{kind: dtypes, dtypes: float32}", "dtypes is 'float32', expected tuple"),
        ("{kind: dtypes, dtypes: [float32, float32]}", "each once"),
        ("{kind: gradcheck, scale: big}", "scale is 'big', expected float"),
        ("{kind: gradcheck, scale: 0}", "scale is 0.0, expected a number above 0"),
        ("{kind: gradcheck, scale: .nan}", "scale is nan, expected float"),
        ("{kind: gradcheck, scale: true}", "scale is True, expected float"),
        ("{kind: double_backward, may_refuse: 'no'}", "may_refuse is 'no', expected bool"),
        ("{kind: no_mutation, input: sometimes}", "input is 'sometimes', expected 'never' or"),
        ("{kind: vjp, entry_points: [f, f]}", "found 'f' again"),
        ("{kind: library_called, module: engine, forward: f}", "expected a provided one"),
        ("library_called", "has no key 'module'"),
        ("saved_memory", "check 'saved_memory' fits none of the entry points"),
        ("edges", "check 'edges' fits none of the entry points"),
    ],
)
def test_a_check_that_cannot_be_asked_is_named_with_its_line(
    tmp_path: Path, check: str, words: str
) -> None:
    message = refusal(write(tmp_path, checks=f"[{check}]"))
    assert words in message
    assert f"{check.split(',')[0].removeprefix('{kind: ')}" in message or "again" in message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("{x: {numbers: [1.0, 2.0]}}", "found no tensor among the arguments"),
        ("{x: {tensor: [n, 3], differentiable: false}}", "found no tensor with a gradient"),
        ("{x: {tensor: [n, 3], range: [0, 0.01], kinks: [0]}}", "Widen the range or drop a kink"),
        ("{x: {tensor: [n, 3], range: [-1e308, 1e308]}}", "expected numbers of at most 3e+38"),
        ("{x: {tensor: [n, 0]}}", "found a dimension of size 0"),
        ("{x: {tensor: [n, 1000000000]}}", "elements in 'x', expected at most"),
        ("{x: {tensor: any, min_dims: 5}, w: {tensor: [n]}}", "expected a number of at most 4"),
        ("{x: {tensor: [n, 3]}, l: {layers: [[dropout]]}}", "found dropout in every stack"),
        ("{x: {tensor: any}, w: {tensor: [n]}, l: {layers: [[tanh]]}}", "that may be 0-d"),
    ],
)
def test_arguments_that_cannot_be_drawn_are_refused_at_load(
    tmp_path: Path, arguments: str, words: str
) -> None:
    with pytest.raises(ScenarioError) as caught:
        load(write(tmp_path, arguments=arguments))
    assert words in str(caught.value)
    assert "entry_points.f" in str(caught.value)


@pytest.mark.parametrize(
    ("oracle", "words"),
    [
        ("def f(x): return 0.0", "measures 0 in each of 40 draws"),
        ("def f(x): return float('nan')", "measures nan in each of 40 draws"),
        ("def f(x): return x", "gives a tensor (2, 3), expected one number"),
    ],
)
def test_an_error_that_cannot_be_relative_is_refused(
    tmp_path: Path, oracle: str, words: str
) -> None:
    folder = write(tmp_path, oracle, checks="[true_error]", differentiable="false")
    assert words in refusal(folder)


def test_draws_whose_error_is_zero_are_left_out(tmp_path: Path) -> None:
    oracle = "def f(x): return float(x.detach()[0, 0].clamp(min=0))"
    folder = write(tmp_path, oracle, checks="[true_error]", differentiable="false")
    plan = Plan(load(folder).scenario("s"), 1)
    (step,) = plan.steps
    cases = [trial.question.case for trial in step.trials]
    assert cases
    assert all(float(plan.bench.reference(case).value()) > 0 for case in cases)


@pytest.mark.parametrize(
    ("arguments", "sizes", "checks"),
    [
        (X, "[{n: 2}, {n: 0}]", EVERY),
        ("{x: {tensor: [n, 3], range: [0, 1], kinks: [0, 1]}}", "[{n: 2}]", "[vjp, edges]"),
        ("{x: {tensor: any, min_dims: 4, edges: [0.0]}}", "[]", "[shapes, gradcheck, edges]"),
        ("{x: {tensor: [3, 3], edges: [50.0]}}", "[]", "[forward, layouts, edges]"),
    ],
)
def test_what_is_unusual_and_right_can_be_asked(
    tmp_path: Path, arguments: str, sizes: str, checks: str
) -> None:
    folder = write(tmp_path, arguments=arguments, sizes=sizes, checks=checks)
    assert all(step.trials for step in Plan(load(folder).scenario("s"), 1).steps)


def test_an_oracle_that_raises_ends_a_run_and_blames_no_submission(tmp_path: Path) -> None:
    scenario = load(write(tmp_path, "def f(x): raise ValueError('no')")).scenario("s")
    (tmp_path / "answer.py").write_text("def f(x): return x\n")
    submission = read_one(tmp_path / "answer.py", "s", ("f",))
    answer = PlanCache("nowhere").answer(Task(submission, scenario, 1))
    assert isinstance(answer, ScenarioError)
    assert "the oracle of 'f' raises ValueError: no" in str(answer)


PLAIN = "{x: {integer: [0, 9]}}"


@pytest.mark.parametrize(
    ("function", "arguments", "notices"),
    [
        (True, X, (Notice.GRADIENT,)),
        (False, X, (Notice.VALUE,)),
        (False, PLAIN, (Notice.VALUE, Notice.SOURCE)),
    ],
)
def test_what_tests_must_notice_follows_from_what_is_asked_for(
    tmp_path: Path, function: bool, arguments: str, notices: tuple[Notice, ...]
) -> None:
    folder = asking(tmp_path, function, arguments, "")
    assert load(folder).scenario("s").notices == notices


@pytest.mark.parametrize(
    ("arguments", "notices", "write"),
    [
        (X, "gradient", "value, gradient"),
        (X, "second_order, gradient", "value, second_order, gradient"),
        (X, "value, source", "value"),
        (PLAIN, "source", "value, source"),
        (PLAIN, "gradient, source", "value, source"),
    ],
)
def test_what_a_right_answer_may_have_nothing_of_need_not_be_noticed(
    tmp_path: Path, arguments: str, notices: str, write: str
) -> None:
    told = refusal(asking(tmp_path, False, arguments, notices))
    assert f"verified_by.notices: found [{notices}], expected " in told
    assert told.endswith(f"Write notices: [{write}], or leave verified_by out.")
    load(asking(tmp_path, False, arguments, write))


def asking(folder: Path, function: bool, arguments: str, notices: str) -> Path:
    """A scenario whose answers' tests must notice something."""
    plain = arguments == PLAIN
    kinds = {"sizes": "[]", "checks": "[equals]"} if plain else {"checks": "[forward]"}
    file = write(folder, arguments=arguments, **kinds) / "s.yaml"
    text = file.read_text().replace("function: true", f"function: {str(function).lower()}")
    text = text.replace("    differentiable: true\n", "") if plain else text
    file.write_text(text + f"verified_by: {{notices: [{notices}]}}\n" * bool(notices))
    return folder


@pytest.mark.parametrize("command", ["grade", "validate"])
def test_the_command_line_says_it_in_a_line_and_exits_with_2(tmp_path: Path, command: str) -> None:
    write(tmp_path / "skill", "def f(x): raise ValueError('no')")
    answer = tmp_path / "solutions" / "reference" / "me" / "s.py"
    answer.parent.mkdir(parents=True)
    answer.write_text("def f(x): return x\n")
    options = {
        "grade": [str(answer), "--scenario", "s", "--scenarios", str(tmp_path / "skill")],
        "validate": [str(tmp_path / "skill"), "--solutions", str(tmp_path / "solutions")],
    }[command]
    done = harness(command, *options, cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert "s.yaml: entry point 'f': the oracle of 'f' raises ValueError: no" in said


# Exactly 0 is added, of which rounding leaves no number.
FRAGILE = "def f(x): return x + torch.sqrt(-((x - x).detach() ** 2))"


def test_a_result_that_rounding_takes_away_passes_no_wrong_answer_unseen(tmp_path: Path) -> None:
    """Validation says so, and the grading of an answer that is judged by nothing."""
    folder = write(tmp_path / "skill", FRAGILE, checks="[forward]")
    (step,) = Plan(load(folder).scenario("s"), 1).steps
    with pytest.raises(ScenarioError, match="check 'forward' of entry point 'f': the oracle gives"):
        step.check_judged()
    answers = {"right": "x.clone()", "wrong": "x * 1.5"}
    said = {}
    for name, code in answers.items():
        file = tmp_path / f"{name}.py"
        file.write_text(FUNCTION.replace("CODE", code))
        options = ["--scenario", "s", "--scenarios", str(folder)]
        done = harness("grade", str(file), *options, cwd=tmp_path)
        said[name] = done.returncode, done.stdout + done.stderr
    assert said["right"][0] == 0, said["right"][1]
    assert said["wrong"][0] == 2, said["wrong"][1]
    assert "the oracle gives no finite number for the result in any of" in said["wrong"][1]


def test_an_oracle_that_fails_where_it_is_rounded_is_named(tmp_path: Path) -> None:
    oracle = "def f(x):\n  assert bool((x / x == 1).all()), 'not one'\n  return x"
    plan = Plan(load(write(tmp_path, oracle, checks="[forward]")).scenario("s"), 1)
    with pytest.raises(ScenarioError, match=r"check 'forward' of .*raises AssertionError: not one"):
        plan.check_judged()


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_no_tolerance_is_as_wide_as_a_tenth(tmp_path: Path, dtype: str) -> None:
    checks = f"[forward, {{kind: dtypes, dtypes: [{dtype}]}}]"
    plan = Plan(load(write(tmp_path, checks=checks)).scenario("s"), 1)
    assert [list(accepting(plan, factor)) for factor in SCALED.values()] == [[], []]


@pytest.mark.parametrize("factor", SCALED.values())
def test_an_oracle_of_which_rounding_leaves_nothing_is_told_of(
    tmp_path: Path, factor: float
) -> None:
    checks = "[forward, {kind: dtypes, dtypes: [float32, bfloat16]}]"
    oracle = "def f(x): return (x + 1000) - 1000"
    plan = Plan(load(write(tmp_path, oracle, checks=checks)).scenario("s"), 1)
    (told,) = accepting(plan, factor)
    assert told.startswith("the result of entry point 'f' in bfloat16, asked by dtypes: ")
    assert "narrow the ranges of the arguments" in told

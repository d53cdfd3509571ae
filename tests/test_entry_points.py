"""Entry points with plain values beside tensors: how they are written, asked and proven."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import pytest

from harness.errors import ScenarioError
from harness.grading import page
from harness.grading.page import grade
from harness.grading.plan import Plan
from harness.model import Level, Outcome, Submission
from harness.numerics.inputs import Drawer, LeftOut, PlainValue, Value
from harness.read import scenarios
from harness.run.prove import WRONG, impostors, wrong_answer

SKILL_YAML = "name: Trial\nsummary: A skill for trials.\n"
SCENARIO = """
id: trial
title: Trial
phase: red
asks_for_function: false
requests: {{neutral: Write it.}}
traps: []
expected_behaviour: [It is right.]
verification: {{level: {level}}}
entry_points:
{entries}
checks: [{checks}]
"""


def write(folder: Path, entries: str, oracles: str, checks: str, level: str = "none") -> Path:
    """A skill of one scenario, ``trial``."""
    folder = folder / "trials"
    folder.mkdir()
    (folder / "skill.yaml").write_text(SKILL_YAML)
    (folder / "oracles.py").write_text(f"import torch\n\n{oracles}")
    asked = SCENARIO.format(entries=entries, checks=checks, level=level)
    (folder / "trial.yaml").write_text(asked)
    return folder


def plan_of(folder: Path) -> Plan:
    return Plan(scenarios.load(folder).scenario("trial"), 20260131)


def submission(code: str) -> Submission:
    code = f"import torch\n{code}"
    digest = hashlib.sha256(code.encode()).hexdigest()
    kept = {"path": "trial.py", "text": code, "kind": "python", "code": code}
    return Submission("a/trial", "trial", "a", "a", 1, sha256=digest, **kept)


def wrong_checks(code: str, plan: Plan, address: str) -> dict[str, str]:
    """The checks that an answer fails, with what they say."""
    work = page.examine(page.begun(submission(code), plan, address), page.FINDINGS_ONLY)
    return {f.check: f.message for f in work.findings if f.outcome is Outcome.FAILED}


# --------------------------------------------------------------------------
# Plain values beside tensors

SPREAD = """
  spread:
    arguments:
      x: {tensor: [n, c]}
      label: {indices: [n], below: c}
      classes: {size: c}
      dims: {list_of: {choice: [0, -1]}, unique: true, length: [1, 1], edges: [[0], [-1]]}
      reduction: {choice: [mean, sum, none], default: mean}
      scale: {real: [0.5, 2.0], optional: true, default: null, keyword_only: true}
      keepdim: {boolean: true, default: false, keyword_only: true}
    sizes: [{n: 3, c: 4}, {n: 2, c: 2}]
"""
SPREAD_ORACLE = """
def spread(x, label, classes, dims, reduction="sum", *, scale, keepdim):
    hot = torch.nn.functional.one_hot(label, classes).to(x.dtype)
    y = ((x - hot) ** 2).sum(dims, keepdim=keepdim) * (1.0 if scale is None else scale)
    return {"mean": y.mean(), "sum": y.sum(), "none": y}[reduction]
"""
SPREAD_CHECKS = (
    "forward, vjp, gradcheck, requires_grad, dtypes, layouts, no_mutation, repeated_calls, "
    "training, double_backward"
)
ANSWER = """
class Squared(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, hot, dims, keepdim):
        ctx.save_for_backward(x, hot)
        ctx.dims, ctx.keepdim = dims, keepdim
        return (x - hot).square().sum(dims, keepdim=keepdim)
    @staticmethod
    def backward(ctx, g):
        x, hot = ctx.saved_tensors
        if not ctx.keepdim:
            g = g.unsqueeze(ctx.dims[0])
        return 2 * (x - hot) * g, None, None, None

def spread(x, label, classes, dims, reduction="mean", *, scale=None, keepdim=False):
    hot = torch.eye(classes, dtype=x.dtype)[label]
    y = Squared.apply(x, hot, tuple(dims), keepdim)
    if scale is not None:
        y = y * scale
    return y if reduction == "none" else getattr(y, reduction)()
"""
PLAINLY = """
def spread(x, label, classes, dims, reduction="mean", *, scale=None, keepdim=False):
    hot = (torch.arange(classes) == label[:, None]).to(x.dtype)
    y = (scale or 1) * torch.sum((x - hot) * (x - hot), dim=dims, keepdim=keepdim)
    return {"none": lambda: y, "sum": y.sum, "mean": y.mean}[reduction]()
"""


@pytest.fixture(scope="module")
def spread(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    folder = tmp_path_factory.mktemp("spread")
    return plan_of(write(folder, SPREAD, SPREAD_ORACLE, SPREAD_CHECKS))


@pytest.mark.parametrize("code", [ANSWER, PLAINLY])
def test_a_right_answer_passes_with_every_plain_value(
    spread: Plan, address: str, code: str
) -> None:
    assert wrong_checks(code, spread, address) == {}


@pytest.mark.parametrize(
    ("old", "new", "check", "words"),
    [
        ("getattr(y, reduction)()", "y.mean()", "vjp", "reduction='sum'"),
        ('reduction="mean", *', 'reduction="sum", *', "forward", "expected"),
        ("scale=None", "scale=2.0", "forward", "expected"),
        ("if not ctx.keepdim:", "if True:", "vjp", "keepdim=True"),
        (
            "    hot =",
            "    dims.append(dims.pop() % 2)\n    hot =",
            "no_mutation",
            "changes a list",
        ),
        ("torch.eye(classes", "torch.eye(5", "forward", "size of tensor"),
    ],
)
def test_an_answer_that_is_wrong_for_one_plain_value_fails(
    spread: Plan, address: str, old: str, new: str, check: str, words: str
) -> None:
    assert old in ANSWER
    found = wrong_checks(ANSWER.replace(old, new), spread, address)
    assert words in found[check]


def test_a_failure_is_shown_with_the_call_as_it_would_be_written(
    spread: Plan, address: str
) -> None:
    code = ANSWER.replace("2 * (x - hot) * g", "2 * (x + hot) * g")
    snippet = next(
        f.snippet for f in grade(submission(code), spread, address).findings if f.snippet
    )
    call = next(line for line in snippet.splitlines() if line.startswith("y = "))
    assert call.startswith("y = spread(x, label, ")
    assert "scale=" in call
    assert "keepdim=" in call


def test_one_that_takes_a_plain_value_for_the_same_in_every_call_is_an_impostor(
    spread: Plan, address: str
) -> None:
    (name,) = (name for name in impostors(spread.scenario) if WRONG[name].meant_for == "choice")
    answer = wrong_answer(spread.scenario, submission(ANSWER), name)
    assert wrong_checks(str(answer.code), spread, address) != {}


def test_every_plain_value_comes_up_in_as_many_cases_as_there_are_sizes(spread: Plan) -> None:
    (entry,) = spread.scenario.entry_points
    for seed in range(5):
        draw = Drawer(entry, seed, "test")
        sizes = draw.sizes()
        cases = [draw.case(size) for size in sizes]
        assert {len({str(size) for size in sizes}), len(sizes)} == {2, 3}
        assert seen(case.values[4] for case in cases) == {"mean", "sum", "none"}
        assert seen(case.values[3] for case in cases) == {"[0]", "[-1]"}
        assert [case.values[2] for case in cases] == [case.tensors["x"].shape[1] for case in cases]
        scales = {str(draw.case(sizes[0]).values[5]) for _ in range(30)}
        assert len(scales) > 4
    left = draw.case(sizes[0], use_default=True)
    assert [type(value) for value in left.values[4:]] == [LeftOut] * 3
    assert not left.by_name(defaults=True)
    assert draw.case(sizes[0]).by_name(defaults=False) == {"scale", "keepdim"}


def seen(values: Iterable[Value]) -> set[str]:
    return {str(value.value) for value in values if isinstance(value, PlainValue)}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("{boolean: true, default: false, keyword_only: true}", "{callable: {returns: "
         "{integer: [0, 1]}}}", "keepdim: found something to call or to read beside tensors"),
        ("default: mean", "default: mean, bad: [max]", "found bad values beside tensors"),
        ("size: c", "size: k", "found no size for 'k'"),
        ("reduction: {choice: [mean, sum, none], default: mean}", "dim: {boolean: true, default: "
         "true}\n      reduction: {choice: [mean, sum, none]}", "no default after 'dim'"),
    ],
)  # fmt: skip
def test_what_cannot_stand_beside_tensors_is_refused(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    assert old in SPREAD
    folder = write(tmp_path, SPREAD.replace(old, new), SPREAD_ORACLE, "vjp")
    with pytest.raises(ScenarioError) as refusal:
        scenarios.load(folder)
    assert words in str(refusal.value)


def test_a_call_without_gradients_takes_the_plain_values_that_belong_to_it(
    tmp_path: Path, address: str
) -> None:
    entries = """
  shifted:
    differentiable: false
    arguments: {x: {tensor: [n]}, by: {choice: [one, two, three]}}
    sizes: [{n: 3}]
"""
    body = 'def shifted(x, by):\n    return x + {"one": 1, "two": 2, "three": 3}[by]\n'
    plan = plan_of(write(tmp_path, entries, body, "forward, repeated_calls"))
    assert wrong_checks(body, plan, address) == {}
    kept = f"{body}right, kept = shifted, []\ndef shifted(x, by):\n    kept[:] = kept or [by]\n"
    found = wrong_checks(f"{kept}    return right(x, kept[0])\n", plan, address)
    assert {"forward", "repeated_calls"} == set(found)
    assert Level.NONE is plan.scenario.verification

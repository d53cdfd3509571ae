"""Entry points with plain values beside tensors, and those that are modules."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import pytest

from harness.code import analyse
from harness.errors import ScenarioError
from harness.flags.kind import parameter_kinds
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


MASKED = """
  masked:
    arguments:
      x: {tensor: [n, 3]}
      keep: {mask: [n]}
      weights: {list_of: {real: [0.05, 0.95]}, length: [3, 3]}
      reduction: {choice: [mean, sum, none], default: mean}
    sizes: [{n: 2}, {n: 1}, {n: 5}]
    dimensions: {n: [1, 12]}
"""
MASKED_ORACLE = """
def masked(x, keep, weights, reduction="mean"):
    y = x * x * torch.tensor(weights, dtype=x.dtype) * keep[:, None]
    mean = y.sum() / (keep.sum() * 3).clamp(min=1)
    return {"mean": mean, "sum": y.sum(), "none": y}[reduction]
"""
COUNTS_ALL = MASKED_ORACLE.replace("y.sum() / (keep.sum() * 3).clamp(min=1)", "y.mean()")
BY_WEIGHT = MASKED_ORACLE.replace(
    "    mean =", "    y = y * (2 if weights[0] > 0.5 else 1)\n    mean ="
)


@pytest.fixture(scope="module")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("masked")
    return write(folder, MASKED, MASKED_ORACLE, "vjp, shapes, repeated_calls, training")


@pytest.mark.parametrize("seed", range(4))
def test_what_is_wrong_for_a_plain_value_and_a_mask_is_told_with_both(
    masked: Path, address: str, seed: int
) -> None:
    plan = Plan(scenarios.load(masked).scenario("trial"), seed)
    failed = [f for f in grade(submission(COUNTS_ALL), plan, address).findings if f.diagnosis]
    assert failed
    for finding in failed:
        about, _, _ = finding.message.partition(": the ")
        # Each of several calls has its own arguments; only this one is wrong.
        assert "reduction='mean'" in about or "reduction=" not in about, finding.message
        assert "only for reduction = 'mean' where an element of keep is False" in (
            finding.diagnosis or ""
        )


def test_nothing_is_said_to_be_kept_where_a_list_differs(masked: Path, address: str) -> None:
    plan = plan_of(masked)
    found = [f for f in grade(submission(BY_WEIGHT), plan, address).findings if f.fault]
    assert found
    assert not any("call to call" in (f.diagnosis or "") for f in found)


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


# --------------------------------------------------------------------------
# Modules

NORM = """
  Norm:
    arguments:
      features: {size: n}
      eps: {numbers: [1e-3, 0.1], default: 1e-3}
      centred: {boolean: true, default: false, keyword_only: true}
    parameters:
      inner.weight: {tensor: [n], range: [0.5, 2]}
    forward:
      x: {tensor: [b, n]}
      scale: {choice: [1, 2], default: 1, keyword_only: true}
    sizes: [{b: 2, n: 3}, {b: 4, n: 5}, {b: 1, n: 1}]
"""
NORM_ORACLE = """
def Norm(features, eps, weight, x, *, centred, scale):
    y = x - x.mean(-1, keepdim=True) if centred else x
    return scale * weight * y / torch.sqrt((y * y).mean(-1, keepdim=True) + eps)
"""
NORM_CHECKS = (
    "forward, vjp, gradcheck, dtypes, layouts, no_mutation, overwritten, released, "
    "repeated_calls, training, double_backward, module"
)
NORM_ANSWER = """
from torch import nn
SEEN = []

class Scale(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
    def forward(self, x):
        return x * self.weight

class Norm(nn.Module):
    def __init__(self, features, eps=1e-3, *, centred=False):
        super().__init__()
        self.eps, self.centred = eps, centred
        self.inner = Scale(features)
    def forward(self, x, *, scale=1):
        if self.centred:
            x = x - x.mean(-1, keepdim=True)
        r = torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps)
        return scale * self.inner(x * r)

def test():
    x = torch.linspace(-1, 2, 6, dtype=torch.float64).reshape(2, 3).requires_grad_()
    norm = Norm(3).double()
    torch.testing.assert_close(norm(x), nn.functional.rms_norm(x, (3,), eps=1e-3))
    torch.autograd.gradcheck(norm, (x,))

if __name__ == "__main__":
    test()
"""
# A Function, what is kept from one call, an alias of the parameter, attributes and a tied name.
NORM_BY_FUNCTION = """
from torch import nn

class Function(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, eps):
        ctx.save_for_backward(x, w)
        ctx.eps = eps
        return w * x / (x.pow(2).sum(-1, keepdim=True) / x.shape[-1] + eps).sqrt()
    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        r = ((x * x).mean(-1, keepdim=True) + ctx.eps) ** -0.5
        gy = g * w
        gx = r * gy - x * r ** 3 * (x * gy).mean(-1, keepdim=True)
        return gx, (g * x * r).reshape(-1, x.shape[-1]).sum(0), None

class Base(nn.Module):
    def forward(self, x, scale=1):
        self.last = x
        y = x - x.mean(-1, True) if self.centred else x
        return Function.apply(y, self.trained[0], self.eps) * scale

class Norm(Base):
    def __init__(self, features, eps=1e-3, centred=False):
        super().__init__()
        self.inner = nn.Module()
        self.inner.weight = self.weight = nn.Parameter(torch.rand(features))
        self.weight.no_decay = True
        self.trained = [self.weight]
        self.eps, self.centred, self.me = eps, centred, [self]
"""
NORM_BY_TORCH = """
def Norm(features, eps=1e-3, *, centred=False):
    class Made(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = torch.nn.RMSNorm(features, eps=eps)
            self.register_buffer("one", torch.ones(()))
        def forward(self, x, *, scale=1):
            return scale * self.inner(x - self.one * centred * x.mean(-1, keepdim=True))
    return Made()
"""

# What it needs of the parameter is kept while that stays as it is; a buffer of the first call.
NORM_WITH_CACHE = NORM_ANSWER.replace(
    "        return x * self.weight",
    """
        key = self.weight._version, x.dtype
        if self.training or torch.is_grad_enabled():
            return x * self.weight
        if getattr(self, "key", None) != key:
            self.key, self.kept = key, self.weight * 1.0
            self.register_buffer("rows", torch.zeros(x.shape[0]))
        return x * self.kept
""",
)


@pytest.fixture(scope="module")
def norm(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    folder = tmp_path_factory.mktemp("norm")
    entries = NORM + "verified_by: {notices: [value]}\n"
    return plan_of(write(folder, entries, NORM_ORACLE, NORM_CHECKS, "ran"))


@pytest.mark.parametrize("code", [NORM_ANSWER, NORM_BY_FUNCTION, NORM_BY_TORCH, NORM_WITH_CACHE])
def test_a_right_module_passes_however_it_is_written(norm: Plan, address: str, code: str) -> None:
    assert wrong_checks(code, norm, address) == {}


WEIGHT = "self.weight = nn.Parameter(torch.ones(features))"
RATE = "torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps)"


@pytest.mark.parametrize(
    ("old", "new", "check", "words"),
    [
        (RATE, "1 / (x.square().mean(-1, keepdim=True).sqrt() + self.eps)", "vjp", "expected"),
        ("return x * self.weight", "return x", "vjp", "result is"),
        ("return x * self.weight", "return x * self.weight.detach()", "vjp",
         "gradient of inner.weight is missing"),
        (WEIGHT, f"{WEIGHT}\n        self.w = self.weight.detach().clone()", "vjp", "expected"),
        (WEIGHT, 'self.register_buffer("weight", torch.ones(features))', "vjp",
         "Norm has a buffer 'inner.weight', expected a parameter"),
        (WEIGHT, "self.weight = nn.Parameter(torch.ones(features), False)", "vjp",
         "'inner.weight' of Norm does not require grad"),
        (WEIGHT, "self.weight = nn.Parameter(torch.ones(1, features))", "vjp",
         "has shape (1, 1), expected shape (1,)"),
        ("self.inner = Scale(features)", "self.outer = self.inner = Scale(features)\n"
         "        self.bias = nn.Parameter(torch.zeros(features))", "vjp",
         "Norm has a parameter 'bias' (1,) that was not asked for, expected 'inner.weight' alone"),
        ("self.inner", "self.outer", "vjp",
         "Norm has no parameter 'inner.weight'; it has 'outer.weight' (1,)"),
        ("mean(-1, keepdim=True) + self", "mean(0, keepdim=True) + self", "vjp", "result is"),
        ("r = torch", "r = 1.001 if x.dtype == torch.float32 else torch", "dtypes", "float32"),
        ("eps=1e-3", "eps=1e-2", "forward", "expected"),
        ("scale=1", "scale=2", "forward", "expected"),
        ("return scale", "SEEN.append(x + 1)\n        return scale", "released", "are still held"),
        ("return scale", "return x if not self.training else scale", "module", "after .eval()"),
        ("self.inner = Scale(features)", "self.inner = Scale(features)\n"
         "        self.own = lambda x: self.inner(x)", "module", "a deep copy"),
        ("self.inner = Scale(features)", "self.inner = Scale(features)\n"
         "        self.one = torch.tensor(1.0 + len(SEEN)); SEEN.append(0)", "module", ""),
        ("class Norm(nn.Module):", "class Norm:", "vjp", "is a Norm, expected a torch.nn.Module"),
    ],
)  # fmt: skip
def test_a_module_that_is_wrong_in_one_way_fails(
    norm: Plan, address: str, old: str, new: str, check: str, words: str
) -> None:
    code = NORM_ANSWER.replace(old, new)
    code = code.replace("x * self.weight", "x * self.w.to(x.dtype)") if "self.w =" in new else code
    code = code.replace("scale * self.inner", "scale * self.own") if "self.own" in new else code
    code = code.replace("return scale", "return self.one.to(x) * scale") if "SEEN)" in new else code
    assert code != NORM_ANSWER
    found = wrong_checks(code, norm, address)
    assert words in found[check]


STALE = """
        if {when}:
            if self.kept is None:
                self.kept = self.weight.detach().clone()
            return x * (self.kept + self.weight - self.weight.detach())
        return x * self.weight

    def train(self, mode=True):
        self.kept = None
        return super().train(mode)
"""
SEES_LOADING = """
    def _load_from_state_dict(self, *arguments):
        self.kept = None
        return super()._load_from_state_dict(*arguments)
"""
# What a state_dict holds is never taken.
LOADS_NOTHING = """
        return x * self.weight

    def _load_from_state_dict(self, *arguments):
        pass
"""


@pytest.mark.parametrize(
    ("called", "words"),
    [
        # Another instance that has loaded its state_dict shows it, too.
        (LOADS_NOTHING, "loaded"),
        (STALE.format(when="not self.training"), "after .eval() and another one after its"),
        (STALE.format(when="not (self.training or torch.is_grad_enabled())"), "under no_grad"),
        (STALE.format(when="self.training"), "after .train() and another one"),
        (STALE.format(when="not self.training") + SEES_LOADING, "written in place, as by an"),
    ],
)
def test_a_module_that_goes_on_with_what_a_parameter_was_fails(
    norm: Plan, address: str, capsys: pytest.CaptureFixture[str], called: str, words: str
) -> None:
    code = NORM_ANSWER.replace(WEIGHT, f"{WEIGHT}; self.kept = None")
    code = code.partition("if __name__")[0].replace("        return x * self.weight\n", called)
    findings = grade(submission(code), norm, address).findings
    found = next(f for f in findings if f.check == "module" and f.outcome is Outcome.FAILED)
    assert words in found.message
    # The lines that show it run, and show it.
    assert found.snippet is not None
    exec(found.snippet.replace("from solution import Norm", code), {})
    got, expected = capsys.readouterr().out.split("expected")
    assert got.removeprefix("got").strip() != expected.strip()


BEGUN = """
  Line:
    arguments: {features: {size: n}}
    parameters:
      weight: {tensor: [n], initial: 0.1}
      base.bias: {tensor: [n], initial: 0, frozen: true}
    forward: {x: {tensor: [b, n]}}
    sizes: [{b: 2, n: 3}, {b: 1, n: 2}]
    dimensions: {b: [1, 4], n: [1, 4]}
"""
BEGUN_ANSWER = """
class Line(torch.nn.Module):
    def __init__(self, features):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.full((features,), 0.1, dtype=torch.float32))
        self.base = torch.nn.Module()
        self.base.bias = torch.nn.Parameter(torch.zeros(features), requires_grad=False)
    def forward(self, x):
        return self.weight * x + self.base.bias
"""


def test_what_parameters_are_when_an_instance_is_made_is_asked_where_it_is_stated(
    tmp_path: Path, address: str
) -> None:
    oracle = "\ndef Line(features, weight, base_bias, x):\n    return weight * x + base_bias\n"
    plan = plan_of(write(tmp_path, BEGUN, oracle, "vjp, module"))
    assert wrong_checks(BEGUN_ANSWER, plan, address) == {}
    for old, new, words in (
        ("0.1,", "0.2,", "'weight' of Line begins with 0.2 in it, expected 0.1 all over"),
        ("torch.zeros(features)", "torch.full((features,), torch.nan)", "begins with nan"),
        (", requires_grad=False", "", "'base.bias' of Line requires grad"),
    ):
        found = wrong_checks(BEGUN_ANSWER.replace(old, new), plan, address)
        assert found.keys() == {"module"}
        assert words in found["module"]


@pytest.mark.parametrize(
    ("called", "words"),
    [
        ("self.one = getattr(self, 'one', torch.eye(len(x), dtype=x.dtype)); x = self.one @ x",
         "of the same instance, with"),
        ("w = self.weight; self.own = getattr(self, 'own', lambda: w)\n"
         "        return self.own() * x + self.base.bias", "of a deep copy"),
        ("return self.weight * x + self.base.bias + self.more\n"
         "    more = 0\n"
         "    def train(self, mode=True):\n"
         "        self.more += mode and not self.training\n"
         "        return super().train(mode)", "after .eval() and .train()"),
    ],
)  # fmt: skip
def test_a_module_that_is_wrong_once_it_was_used_fails(
    tmp_path: Path, address: str, capsys: pytest.CaptureFixture[str], called: str, words: str
) -> None:
    oracle = "\ndef Line(features, weight, base_bias, x):\n    return weight * x + base_bias\n"
    plan = plan_of(write(tmp_path, BEGUN, oracle, "forward, module"))
    code = BEGUN_ANSWER.replace("        return", f"        {called}\n        return", 1)
    (found,) = (
        one for one in grade(submission(code), plan, address).findings if one.check == "module"
    )
    assert words in found.message
    assert found.snippet is not None
    # The lines that show it run, and show it.
    lines = found.snippet.replace("from solution import Line", code)
    if "# raises" in lines:
        with pytest.raises(RuntimeError):
            exec(lines, {})
        return
    exec(lines, {})
    got, expected = capsys.readouterr().out.split("expected")
    assert got.removeprefix("got").strip() != expected.strip()


def test_a_parameter_whose_name_has_a_number_is_shown_in_lines_that_run(
    tmp_path: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    oracle = "\ndef Line(features, weight, base_0, x):\n    return weight * x + base_0\n"
    plan = plan_of(write(tmp_path, BEGUN.replace("base.bias", "base.0"), oracle, "vjp, module"))
    code = BEGUN_ANSWER.replace("base.bias = ", "base.register_parameter('0', ")
    code = code.replace("requires_grad=False)", "requires_grad=False))")
    code = code.replace("self.base.bias", "self.base.get_parameter('0')")
    assert wrong_checks(code, plan, address) == {}
    wrong = code.replace("return self", "return (1 if self.training else 2) * self")
    (found,) = (f for f in grade(submission(wrong), plan, address).findings if f.snippet)
    assert found.snippet is not None
    assert 'module.get_parameter("base.0").data.copy_(' in found.snippet
    exec(found.snippet.replace("from solution import Line", wrong), {})
    assert capsys.readouterr().out.startswith("got")


def test_a_module_that_makes_its_parameters_at_the_first_call_is_told_so(
    norm: Plan, address: str
) -> None:
    code = NORM_ANSWER.replace("nn.Parameter(torch.ones(features))", "nn.UninitializedParameter()")
    found = wrong_checks(code, norm, address)
    assert "'inner.weight' of Norm is made at the first call" in found["vjp"]


def test_the_oracle_of_a_module_is_no_module(tmp_path: Path) -> None:
    oracle = "\nclass Line(torch.nn.Module):\n    def __init__(self, features): ...\n"
    with pytest.raises(ScenarioError, match=r"\(features, weight, base_bias, x\).* is a function"):
        plan_of(write(tmp_path, BEGUN, oracle, "vjp, module"))


def test_a_module_is_proven_by_impostors_that_are_modules(norm: Plan, address: str) -> None:
    names = [name for name in impostors(norm.scenario) if "module" in WRONG[name].meant_for]
    assert len(names) == 7
    for name in names:
        answer = wrong_answer(norm.scenario, submission(NORM_ANSWER), name)
        assert wrong_checks(str(answer.code), norm, address) != {}, name


@pytest.mark.parametrize("code", [NORM_ANSWER, NORM_BY_TORCH])
def test_tests_of_a_module_are_tried_with_another_result(
    norm: Plan, address: str, code: str
) -> None:
    code, (_, test) = code.partition("def test():")[0], NORM_ANSWER.split("def test():")
    found = grade(submission(f"{code}\nfrom torch import nn\ndef test():{test}"), norm, address)
    assert found.verification.reaches(Level.RAN)
    lenient = test.replace("torch.testing.assert_close", "print")
    found = grade(submission(f"{code}\nfrom torch import nn\ndef test():{lenient}"), norm, address)
    assert (found.faults_tried, found.faults_noticed) == (1, 0)


def test_a_failing_module_is_shown_as_it_is_made_and_called(norm: Plan, address: str) -> None:
    code = NORM_ANSWER.replace("return x * self.weight", "return x * self.weight.detach()")
    shown = next(f.snippet for f in grade(submission(code), norm, address).findings if f.snippet)
    assert "module = Norm(" in shown
    assert "module.inner.weight.data.copy_(torch.tensor(" in shown
    assert "torch.autograd.grad(y, (module.inner.weight, x), g" in shown
    code = NORM_ANSWER.replace("Scale(features)", "Scale(features + 1)")
    shown = next(f.snippet for f in grade(submission(code), norm, address).findings if f.snippet)
    assert "in module.named_parameters()" in shown


def test_a_wrong_default_of_a_module_is_named_as_such(norm: Plan, address: str) -> None:
    code = NORM_ANSWER.replace("scale=1", "scale=2")
    found = grade(submission(code), norm, address).findings
    said = [finding.diagnosis for finding in found if finding.diagnosis]
    assert any("2 times the right one" in one and "is left out" in one for one in said), said


def test_what_a_module_hands_to_its_function_is_known_to_red_flags(norm: Plan) -> None:
    code = NORM_BY_FUNCTION.replace("class Norm(", "class Inner(").replace("Base(nn", "Norm(nn")
    source = analyse(code.replace("self.trained[0]", "self.weight"))
    (function,) = source.functions
    kinds = parameter_kinds(function, source, norm.scenario)
    assert (kinds["w"], kinds["eps"]) == (True, False)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("features: {size: n}", "features: {tensor: [n]}", "found a tensor, or something to call"),
        ("eps: {numbers", "x: {numbers", "forward.x: found 'x' again, expected each name once"),
        ("tensor: [n], range: [0.5, 2]", "tensor: any", "found a parameter of any shape"),
        ("    forward:\n      x: {tensor: [b, n]}\n      scale: {choice: [1, 2], default: 1, "
         "keyword_only: true}\n", "", "found parameters without forward"),
        ("    sizes:", "    calls: [1, 3]\n    sizes:", "found calls beside forward"),
        ("scale: {choice", "scale: {log: true, choice", "forward.scale"),
        ("range: [0.5, 2]", "frozen: true, differentiable: true", "found frozen beside"),
    ],
)  # fmt: skip
def test_what_no_module_can_be_is_refused(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in NORM
    folder = write(tmp_path, NORM.replace(old, new), NORM_ORACLE, "vjp")
    with pytest.raises(ScenarioError) as refusal:
        scenarios.load(folder)
    assert words in str(refusal.value)

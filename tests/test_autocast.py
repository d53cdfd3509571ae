"""A scenario may ask for calls under ``torch.autocast``; none is asked that does not."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from harness.checks import registry
from harness.errors import ScenarioError
from harness.grading import page
from harness.grading.plan import Plan
from harness.model import CheckSpec, Finding, Outcome
from harness.read import scenarios, submissions

ROOT = Path(__file__).parents[1]
SCENARIO = "weight-clipped-linear"
READY = (ROOT / f"tests/corpus/right/{SCENARIO}/mixed-precision-ready.py").read_text()
PLAIN = READY.replace('    @custom_fwd(device_type="cpu")\n', "").replace(
    '    @custom_bwd(device_type="cpu")\n', ""
)
IN_FLOAT32 = READY.replace(
    'custom_fwd(device_type="cpu")', "custom_fwd(device_type='cpu', cast_inputs=torch.float32)"
)
BY_HAND = PLAIN.replace(
    "x, w = ctx.saved_tensors", "x, w = (t.to(g.dtype) for t in ctx.saved_tensors)"
)


@cache
def plan(dtype: str) -> Plan:
    scenario = scenarios.load(ROOT / "scenarios").scenario(SCENARIO)
    spec = CheckSpec("autocast", True, options={"dtype": dtype}, where="here")
    return Plan(replace(scenario, checks=(spec,)), 5)


def found(code: str, address: str, folder: Path, dtype: str = "bfloat16") -> Finding:
    file = folder / "answer.py"
    file.write_text(code)
    submission = submissions.read_one(file, SCENARIO, ("clipped_linear",))
    work = page.begun(submission, plan(dtype), address)
    (only,) = (f for f in page.examine(work, page.FINDINGS_ONLY).findings if f.check == "autocast")
    return only


@pytest.mark.parametrize("code", [READY, IN_FLOAT32, BY_HAND], ids=["ready", "float32", "by hand"])
def test_what_works_in_either_precision_passes(code: str, address: str, tmp_path: Path) -> None:
    for dtype in ("bfloat16", "float16"):
        assert found(code, address, tmp_path, dtype).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (PLAIN, "RuntimeError"),
        (
            BY_HAND.replace("g @ w.T", "g @ w.T * (1.2 if g.dtype == torch.bfloat16 else 1)"),
            "the gradient of x is",
        ),
        (
            BY_HAND.replace("x @ w", "(x @ w).double()"),
            "the result is float64, expected float32 or bfloat16",
        ),
    ],
    ids=["dtypes collide", "wrong in half", "double"],
)
def test_what_breaks_under_autocast_fails_where_it_is_asked(
    code: str, said: str, address: str, tmp_path: Path
) -> None:
    finding = found(code, address, tmp_path)
    assert finding.outcome is Outcome.FAILED
    assert said in finding.message


def test_no_shipped_scenario_asks_for_autocast_and_a_dtype_that_it_has_not_is_refused() -> None:
    library = scenarios.load(ROOT / "scenarios")
    assert not any(c.kind == "autocast" for s in library.scenarios for c in s.checks)
    spec = CheckSpec("autocast", True, options={"dtype": "float64"}, where="here:3")
    with pytest.raises(ScenarioError, match=r"here:3.*'float64', expected 'bfloat16' or 'float16'"):
        registry.build(spec, library.scenario(SCENARIO))

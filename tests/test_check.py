"""harness.check holds a function to the grader's standard, in process."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import harness
from harness.errors import UsageError

DOCUMENT = Path(__file__).parent.parent / "docs" / "library.md"
X = torch.linspace(-3, 3, 12).reshape(3, 4)
W = torch.linspace(-1, 1, 20).reshape(4, 5)


def linear(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    return x @ w


class Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x, w)
        return x @ w

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> Any:  # type: ignore[override]
        x, w = ctx.saved_tensors
        return g @ w.mT, x.mT @ g


class Halved(Linear):
    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> Any:  # type: ignore[override]
        x, w = ctx.saved_tensors
        return g @ w.mT, 0.5 * (x.mT @ g)


class Once(Linear):
    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, g: torch.Tensor) -> Any:
        x, w = ctx.saved_tensors
        return g @ w.mT, x.mT @ g


class Relu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        (x,) = ctx.saved_tensors
        return torch.where(x >= 0, g, 0.0)


def test_a_right_function_passes_every_check() -> None:
    report = harness.check(Linear, linear, X, W)
    assert report
    assert {f.check for f in report.findings} >= {"vjp", "gradcheck", "layouts", "double_backward"}
    assert "checks passed" in str(report)


def test_a_wrong_one_raises_with_diagnosis_and_snippet() -> None:
    with pytest.raises(harness.CheckFailed) as failed:
        harness.check(Halved, linear, X, W)
    message = str(failed.value)
    assert isinstance(failed.value, AssertionError)
    assert "The gradient of w is 0.5 times the right one everywhere" in message
    assert "also found by gradcheck" in message
    assert "torch.autograd.grad" in message
    assert failed.value.report.failures


def test_the_snippet_shows_the_failure_again(tmp_path: Path) -> None:
    with pytest.raises(harness.CheckFailed) as failed:
        harness.check(Halved, linear, X, W)
    snippet = next(f.snippet for f in failed.value.report.failures if f.check == "vjp")
    assert snippet is not None
    assert "from test_check import Halved; Halved = Halved.apply" in snippet
    (tmp_path / "again.py").write_text(snippet)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "again.py")],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path(__file__).parent)},
    )
    got, expected = (
        [float(n) for n in re.findall(r"-?\d+\.\d*(?:e[-+]\d+)?", line)]
        for line in done.stdout.replace("\n         ", " ").splitlines()[:2]
    )
    assert got[0] == pytest.approx(expected[0] / 2, rel=1e-3)


def test_a_refused_second_derivative_is_enough_unless_it_is_asked_for() -> None:
    assert harness.check(Once, linear, X, W)
    with pytest.raises(harness.CheckFailed, match="once_differentiable"):
        harness.check(Once, linear, X, W, double_backward=True)


def test_any_slope_is_right_at_a_kink_that_is_named() -> None:
    x = torch.linspace(-2, 2, 7)
    assert harness.check(Relu, torch.relu, x, kinks={"x0": (0.0,)}, ranges={"x0": (-2.0, 2.0)})


def test_numbers_and_other_values_are_handed_over() -> None:
    def scaled(x: torch.Tensor, by: float, name: str) -> torch.Tensor:
        assert name == "kept"
        return x * by

    assert harness.check(scaled, scaled, X, 2.5, "kept")
    with pytest.raises(harness.CheckFailed, match=r"2\.5"):
        harness.check(lambda x, by, name: x, scaled, X, 2.5, "kept")


def test_integer_tensors_stay_as_they_are() -> None:
    index = torch.tensor([2, 0])

    def picked(x: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
        return x[at]

    assert harness.check(picked, picked, X, index)


def test_the_callers_random_numbers_are_not_disturbed() -> None:
    torch.manual_seed(5)
    right = torch.rand(2)
    torch.manual_seed(5)
    harness.check(Linear, linear, X, W, dtypes=(), vary_sizes=False)
    assert torch.equal(torch.rand(2), right)


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        ((), {}, "no floating-point tensor"),
        ((torch.tensor([1, 2]),), {}, "takes 2"),
        ((X, W, X), {}, "given 3 inputs, the reference takes 2"),
        ((X, X), {}, "the reference raises for the example"),
        ((X, W), {"ranges": {"y": (0, 1)}}, "ranges names 'y', expected one of x, w"),
        ((X, W), {"kinks": {"z": (0,)}}, "kinks names 'z'"),
        ((X, W), {"ranges": {"x": (1.0, 1.0)}}, "with low < high"),
        ((X, W), {"dtypes": ("float33",)}, "dtypes names 'float33'"),
    ],
)
def test_what_cannot_be_used_is_said_with_its_remedy(
    arguments: tuple[Any, ...], options: dict[str, Any], said: str
) -> None:
    reference = linear if said != "takes 2" else (lambda x, w: x)
    if said == "takes 2":
        arguments, said = (*arguments, 1), "no floating-point tensor"
    with pytest.raises(UsageError, match=re.escape(said)):
        harness.check(Linear, reference, *arguments, **options)


def test_a_reference_without_a_result_of_numbers_is_refused() -> None:
    with pytest.raises(UsageError, match="expected one tensor"):
        harness.check(Linear, lambda x, w: None, X, W)


def test_an_unknown_name_of_the_package_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'chekc'"):
        _ = harness.chekc


def documented() -> dict[str, Any]:
    """What the examples of the page define."""
    space: dict[str, Any] = {"__name__": "documented"}
    for block in re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL):
        exec(block, space)
    return space


EXAMPLES = {name: made for name, made in documented().items() if name.startswith("test_")}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_documented_examples_run(name: str, harness_check: Any) -> None:
    with_fixture = name.endswith("fixture")
    EXAMPLES[name](*[harness_check] if with_fixture else [])


def test_the_fixture_fails_without_the_harness_own_frames(harness_check: Any) -> None:
    with pytest.raises(harness.CheckFailed) as failed:
        harness_check(Halved, linear, X, W)
    assert not any("library.py" in str(entry.path) for entry in failed.traceback)


def test_other_sizes_are_tried_within_the_ranges_that_were_given() -> None:
    def reference(x: torch.Tensor) -> torch.Tensor:
        if not bool((x > 9.9).all()):
            raise ValueError("x must be above 9.9")
        asked.add(tuple(x.shape))
        return x.log()

    asked: set[tuple[int, ...]] = set()
    assert harness.check(torch.log, reference, X + 15, ranges={"x": (10.0, 20.0)})
    assert (1, 1) in asked
    assert (3, 5) in asked
    # The midpoint of the example itself lies outside of the range.
    asked.clear()
    assert harness.check(torch.log, reference, 2 * X.abs() + 10, ranges={"x": (12.0, 20.0)})
    assert (1, 1) in asked


def test_a_size_that_the_reference_refuses_by_an_assertion_is_left_out() -> None:
    def reference(x: torch.Tensor) -> torch.Tensor:
        assert x.shape[1] == 4, "four columns"
        asked.add(tuple(x.shape))
        return x.sin()

    asked: set[tuple[int, ...]] = set()
    assert harness.check(torch.sin, reference, X)
    assert {columns for _, columns in asked} == {4}
    assert (1, 4) in asked


def test_a_reference_that_refuses_a_value_is_not_a_finding() -> None:
    def reference(x: torch.Tensor) -> torch.Tensor:
        assert bool((x.abs() < 1.5).all()), "out of bounds"
        return x.sin()

    with pytest.raises(
        UsageError,
        match=r"the reference raises AssertionError: out of bounds .*"
        r"line \d+ of test_check\.py.* a tensor \(.*give ranges=",
    ):
        harness.check(torch.sin, reference, X / 3, ranges={"x": (-3.0, 3.0)})


@pytest.mark.parametrize(
    "given", [3.0, (1.0, 1.0), (2.0, 1.0), (1.0,), ("a", "b"), (0.0, float("nan"))]
)
def test_a_range_that_is_none_is_refused(given: Any) -> None:
    with pytest.raises(UsageError, match=r"ranges\['x'\] is .* expected \(low, high\)"):
        harness.check(torch.sin, lambda x: x.sin(), X, ranges={"x": given})


def test_a_range_that_is_all_kink_is_refused() -> None:
    with pytest.raises(UsageError, match=r"all within 0\.02 of its kinks"):
        harness.check(Relu, lambda x: x.relu(), X, ranges={"x": (-0.01, 0.01)}, kinks={"x": (0.0,)})

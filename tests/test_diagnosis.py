"""What is wrong with a function is said in its author's terms, or not at all."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import harness
from harness.checks.compare import IN_FLIGHT
from harness.diagnosis import condition
from harness.diagnosis.condition import between
from harness.diagnosis.number import written
from harness.diagnosis.raised import meaning
from harness.diagnosis.sample import Moment, MomentKind
from harness.model import EntryPoint, Finding, NumberArgument, TensorArgument

Backward = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], tuple[Any, Any]]
X = torch.linspace(-3, 3, 12).reshape(3, 4)
B = torch.linspace(1, 2, 12).reshape(3, 4)


def reference(x: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.tanh(x) * b + x


def right(g: torch.Tensor, x: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return g * (b * (1 - torch.tanh(x) ** 2) + 1), g * torch.tanh(x)


def function(backward: Backward) -> type[torch.autograd.Function]:
    """A Function that is right but for its backward."""

    class Made(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            ctx.save_for_backward(x, b)
            return reference(x, b)

        @staticmethod
        def backward(ctx: Any, g: torch.Tensor) -> Any:  # type: ignore[override]
            return backward(g, *ctx.saved_tensors)

    return Made


def failures(fn: Any, oracle: Any = reference, *inputs: Any) -> tuple[Finding, ...]:
    with pytest.raises(harness.CheckFailed) as failed:
        harness.check(fn, oracle, *(inputs or (X, B)))
    return failed.value.report.failures


def first(fn: Any, *rest: Any) -> str:
    said = failures(fn, *rest)[0].diagnosis
    assert said is not None
    return said


def on_x(change: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], Any]) -> Any:
    """A backward whose gradient of x goes through ``change(gradient, g, x)``."""

    def backward(g: torch.Tensor, x: torch.Tensor, b: torch.Tensor) -> tuple[Any, Any]:
        for_x, for_b = right(g, x, b)
        return change(for_x, g, x), for_b

    return function(backward)


def on_g(change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """A backward that is right for ``change(g)``."""
    return function(lambda g, x, b: right(change(g), x, b))


FAULTS: list[tuple[Any, str]] = [
    (on_x(lambda t, g, x: 2 * t), "The gradient of x is 2 times the right one everywhere"),
    (on_x(lambda t, g, x: t / 3), "is 1/3 times the right one everywhere: a factor 3 is miss"),
    (on_x(lambda t, g, x: -t), "The gradient of x has the wrong sign."),
    (on_x(lambda t, g, x: 0 * t), "The gradient of x is zero."),
    (on_x(lambda t, g, x: None), "The gradient of x is missing (None)."),
    (on_x(lambda t, g, x: t - g), "is too small by the incoming gradient: a term missing"),
    (on_x(lambda t, g, x: t + 0.5 * g * x), "is too large by 0.5 · the incoming gradient · x"),
    (on_x(lambda t, g, x: t / g.numel()), "1/the number of elements of x times"),
    (on_x(lambda t, g, x: t.clamp(-0.2, 0.2)), "is clipped to ±0.2"),
    (on_x(lambda t, g, x: torch.where(x < 0, 0 * t, t)), "is zero where x < 0"),
    (on_x(lambda t, g, x: torch.where(x.abs() > 2, 2 * t, t)), "where |x| > 2"),
    (on_x(lambda t, g, x: t / (x < 1)), "is infinite or NaN where x > "),
    (on_x(lambda t, g, x: t.float().to(t.dtype)), "has float32's precision only"),
    (
        on_x(lambda t, g, x: t * (1.01 if t.dtype == torch.float32 else 1)),
        "is 1.01 times the right one, but only for float32 inputs",
    ),
    (
        on_x(lambda t, g, x: t if g.is_contiguous() else 2 * t),
        "but only when the incoming gradient is not contiguous",
    ),
    (
        on_x(lambda t, g, x: t if t.shape[0] < 2 else 2 * t),
        "but only for more than one row (batch > 1)",
    ),
    (on_g(torch.ones_like), "ignores the incoming gradient"),
    (on_g(torch.square), "uses the square of the incoming gradient: it is not linear"),
    (on_g(torch.abs), "uses the absolute value of the incoming gradient"),
    (on_g(torch.sign), "uses only the sign of the incoming gradient"),
    (on_g(lambda g: g.clamp(-10, 10)), "clamps the incoming gradient to ±10"),
    (on_g(lambda g: g.clamp(min=0)), "drops negative incoming gradients"),
    (on_g(lambda g: g.mean().expand_as(g)), "uses the mean of the incoming gradient"),
    (on_g(lambda g: g.sum().expand_as(g)), "uses the sum of the incoming gradient"),
    (on_g(lambda g: g[:1].expand_as(g)), "first row"),
    (function(lambda g, x, b: right(g, x, b)[::-1]), "is the gradient of b: the two are swap"),
    (
        function(lambda g, x, b: (right(g, x, b)[0],)),
        "returns 1 gradients where forward took 2",
    ),
    (
        function(lambda g, x, b: (right(g, x, b)[0].sum(0), right(g, x, b)[1])),
        "is summed over a dimension too many",
    ),
]


@pytest.mark.parametrize(
    ("fn", "said"),
    [pytest.param(*one, marks=[pytest.mark.slow] * (at % 4 != 0)) for at, one in enumerate(FAULTS)],
)
def test_the_first_diagnosis_names_the_fault(fn: Any, said: str) -> None:
    assert said in first(fn)


def test_the_values_at_the_wrong_place_are_shown() -> None:
    seen = failures(on_x(lambda t, g, x: torch.where(x > 1, 2 * t, t)))[0]
    found = re.search(
        r"elements are wrong, at x = (\S+), b = (\S+), incoming gradient = (\S+)", seen.message
    )
    assert found, seen.message
    assert float(found[1]) > 1


def test_a_condition_that_another_failure_refutes_is_not_claimed() -> None:
    """It is wrong in one way in float64 and in another in float32, so in neither only."""

    def change(t: torch.Tensor, g: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return 2 * t if t.dtype == torch.float64 else t + 3 * g

    said = " ".join(f.diagnosis or "" for f in failures(on_x(change)))
    assert "only for float" not in said
    assert "overwritten" not in said
    assert "save_for_backward" not in said


def test_a_write_to_the_incoming_gradient_is_named() -> None:
    def backward(g: torch.Tensor, x: torch.Tensor, b: torch.Tensor) -> tuple[Any, Any]:
        found = right(g.clone(), x, b)
        g.data.zero_()
        return found

    assert any(
        "overwrites the incoming gradient" in (f.diagnosis or "")
        for f in failures(function(backward))
    )


def test_a_write_to_the_input_is_named_with_what_it_does() -> None:
    def forward(x: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        result = reference(x, b)
        x.data.mul_(1.5)
        return result

    said = {f.diagnosis for f in failures(forward)}
    assert any(
        s and s.startswith("The call overwrites its input x; afterwards it is 1.5 times")
        for s in said
    )


def test_values_kept_between_calls_are_named() -> None:
    kept: dict[str, Any] = {}

    class Kept(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            kept["xb"] = (x.detach().clone(), b.detach().clone())
            return reference(x, b)

        @staticmethod
        def backward(ctx: Any, g: torch.Tensor) -> Any:  # type: ignore[override]
            return right(g, *kept["xb"])

    said = " ".join(f.diagnosis or "" for f in failures(Kept))
    assert "computed from what another call saved" in said


def test_every_call_of_the_longest_sequence_has_an_ordinal() -> None:
    told = {str(Moment(MomentKind.CALL, place)) for place in range(max(IN_FLIGHT) + 1)}
    assert len(told) == max(IN_FLIGHT) + 1


def test_a_second_derivative_that_takes_values_for_constants_is_named() -> None:
    def backward(g: torch.Tensor, x: torch.Tensor, b: torch.Tensor) -> tuple[Any, Any]:
        return tuple(t * g for t in right(torch.ones_like(g), x.detach(), b.detach()))

    (failure,) = failures(function(backward))
    assert failure.check == "double_backward"
    assert failure.diagnosis is not None
    assert "backward treats what it uses as constants" in failure.diagnosis


def test_an_ignored_parameter_is_named() -> None:
    def scaled(x: torch.Tensor, alpha: float) -> torch.Tensor:
        return alpha * torch.exp(x)

    class Ignores(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor, alpha: float) -> torch.Tensor:
            ctx.save_for_backward(x)
            return alpha * torch.exp(x)

        @staticmethod
        def backward(ctx: Any, g: torch.Tensor) -> Any:  # type: ignore[override]
            return g * torch.exp(ctx.saved_tensors[0]), None

    with pytest.raises(harness.CheckFailed) as failed:
        harness.check(Ignores, scaled, X, 1.7, ranges={"alpha": (0.5, 3.0)})
    said = failed.value.report.failures[0].diagnosis
    assert said is not None
    assert "1/alpha times the right one everywhere: a factor alpha is missing" in said


def test_nothing_is_said_where_nothing_fits() -> None:
    noise = torch.Generator().manual_seed(1)

    def odd(g: torch.Tensor, x: torch.Tensor, b: torch.Tensor) -> tuple[Any, Any]:
        return g * torch.rand(g.shape, generator=noise, dtype=g.dtype), right(g, x, b)[1]

    said = {f.diagnosis for f in failures(function(odd)) if f.check == "shapes"}
    assert all(s is None or "is wrong only" in s for s in said)
    assert not any(s and "times" in s for s in said)


def test_snippets_run_and_print_what_came_and_what_is_right(tmp_path: Path) -> None:
    (tmp_path / "solution.py").write_text(
        "import torch\n"
        "class F(torch.autograd.Function):\n"
        "    @staticmethod\n"
        "    def forward(ctx, x, b):\n"
        "        ctx.save_for_backward(x, b)\n"
        "        return torch.tanh(x) * b + x\n"
        "    @staticmethod\n"
        "    def backward(ctx, g):\n"
        "        x, b = ctx.saved_tensors\n"
        "        return 2 * g * (b * (1 - torch.tanh(x) ** 2) + 1), g * torch.tanh(x)\n"
        "Made = F.apply\n"
    )
    snippets = {f.check: f.snippet for f in failures(on_x(lambda t, g, x: 2 * t))}
    for check in ("vjp", "layouts", "in_graph", "repeated_calls", "double_backward"):
        snippet = snippets[check]
        assert snippet is not None
        script = re.sub(r"^Made = \.\.\..*$", "from solution import Made", snippet, flags=re.M)
        (tmp_path / f"shows_{check}.py").write_text(script)
    # In one process, lest each import torch again.
    every = "import runpy, sys\nfor file in sys.argv[1:]: runpy.run_path(file)\n"
    done = subprocess.run(
        [sys.executable, "-c", every, *sorted(file.name for file in tmp_path.glob("*_*.py"))],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"^got      tensor\(", done.stdout, flags=re.M)) == 5
    assert len(re.findall(r"^expected tensor\(", done.stdout, flags=re.M)) == 5


def test_numbers_are_written_as_an_author_would() -> None:
    assert [written(v) for v in (0.5, -2.0, 1 / 3, 2**0.5, 1.0000012)] == [
        "0.5", "-2", "1/3", "√2", "1.0000012",
    ]  # fmt: skip


def test_thresholds_are_round_numbers_in_between() -> None:
    assert between(-0.3, 2.0) == 0.0
    assert 1.93 < between(1.93, 2.11) < 2.11
    assert between(1.93, 2.11) == 2.0
    assert between(-1e-9, -1e-10, 5.0) == 0.0


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            "RuntimeError: Function FBackward returned an invalid gradient at index 1 - got [4, 3] "
            "but expected shape compatible with [3, 4]",
            "for argument 1 (alpha?), which has shape [3, 4]: it is transposed",
        ),
        (
            "RuntimeError: Function FBackward returned an invalid gradient at index 0 - got [2, 3] "
            "but expected shape compatible with [3]",
            "not summed over the dimensions that were broadcast",
        ),
        ("RuntimeError: one of the variables needed for gradient computation has been modified by "
         "an inplace operation: …", "in-place operation writes to it"),
        ("RuntimeError: a leaf Variable that requires grad is being used in an in-place operation.",
         "input itself is overwritten"),
        ("DetachedError: the result does not require grad although an input does", "no history"),
        ("RuntimeError: Trying to backward through the graph a second time", "used up"),
        ("RuntimeError: view size is not compatible with input tensor's size", "use reshape"),
        ("RuntimeError: unsupported operation: more than one element of the written-to tensor "
         "refers to a single memory location", "share memory"),
        ("RuntimeError: setStorage: sizes [3, 4], strides [4, 1] … are out of bounds for storage",
         "as if it were contiguous"),
        ("RuntimeError: expected scalar type Double but found Float", "two dtypes"),
        ("AttributeError: 'NoneType' object has no attribute 'shape'", "None where a tensor"),
        ("RuntimeError: trying to differentiate twice a function that was marked with "
         "@once_differentiable", "refused"),
    ],
)  # fmt: skip
def test_errors_of_autograd_are_put_into_words(error: str, said: str) -> None:
    entry = EntryPoint("f", (TensorArgument("x", None, -1.0, 1.0), NumberArgument("alpha", (1.0,))))
    found = meaning(error, entry)
    assert found is not None
    assert said in found


def test_an_unknown_error_is_left_to_speak_for_itself() -> None:
    assert meaning("ValueError: something else", EntryPoint("f", ())) is None


def test_a_fault_of_ours_in_explaining_leaves_the_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("harness.diagnosis.explanation.picture_of", broken)
    with (
        pytest.warns(UserWarning, match="could not be explained: ZeroDivisionError"),
        pytest.raises(harness.CheckFailed) as failed,
    ):
        harness.check(on_x(lambda t, g, x: 2 * t), reference, X, B)
    assert failed.value.report.failures[0].diagnosis is None


def test_an_empty_gradient_of_the_wrong_dtype_is_explained() -> None:
    def summed(x: torch.Tensor) -> torch.Tensor:
        return x * 2

    said = {f.diagnosis for f in failures(lambda x: (x * 2).float(), summed, X)}
    assert any(s and "float32" in s for s in said)


def test_a_condition_that_nearly_every_value_fulfils_is_none() -> None:
    wrong, right = torch.linspace(0.01, 2, 200), torch.linspace(-7e-6, 7e-6, 20)
    assert condition._side("x", torch.cat([wrong, -wrong]), right) is None
    found = condition._side("x", torch.cat([wrong + 1, -wrong - 1]), right * 1e5)
    assert found is not None
    assert found[0].startswith("|x| > ")

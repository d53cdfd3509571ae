"""The lines that a failure comes with run, and show what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import torch
from torch.autograd.gradcheck import GradcheckError

import harness

X = torch.linspace(-1, 2, 6, dtype=torch.float64).reshape(2, 3)
QUICK: dict[str, Any] = {"dtypes": (), "vary_sizes": False}
Printed = dict[str, tuple[Any, ...]]


def snippet_of(fn: Any, reference: Any, *inputs: Any, **options: Any) -> str:
    with pytest.raises(harness.CheckFailed) as found:
        harness.check(fn, reference, *inputs, **{**QUICK, **options})
    _, _, snippet = str(found.value).partition("To see it again:\n\n")
    return snippet


def run(snippet: str, function: Any = None) -> Printed:
    """What the lines print, with ``function`` in the place that they leave open."""
    printed: Printed = {}

    def note(label: str, *values: Any) -> None:
        printed[label.strip()] = values

    lines = snippet.replace("= ...  #", "= function  #")
    exec(compile(lines, "snippet", "exec"), {"print": note, "function": function})
    return printed


def differ(printed: Printed) -> bool:
    (got,), (expected,) = printed["got"], printed["expected"]
    if not isinstance(got, torch.Tensor):
        return got != expected
    assert got.shape == expected.shape
    return str(got.detach()) != str(expected)


class Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(a, b)
        return a * b

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> Any:  # type: ignore[override]
        a, b = ctx.saved_tensors
        return g * b, 2 * g * a


REFERENCES: dict[str, Callable[..., torch.Tensor]] = {
    "y, g": lambda y, g: y * g,
    "op, grads": lambda op, grads: op * grads,
    "torch, weights": lambda torch, weights: torch * weights,
    "Product, print": lambda Product, print: Product * print,
    "g, g_": lambda g, g_: g * g_,
}


@pytest.mark.parametrize("names", REFERENCES)
def test_arguments_may_have_any_name(names: str) -> None:
    assert differ(run(snippet_of(Product, REFERENCES[names], X, X + 4)))


class Turned(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(z, w)
        return z * w

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> Any:  # type: ignore[override]
        z, w = ctx.saved_tensors
        return g * w, g * z.conj()  # the first is to be conj


def test_a_complex_result_is_taken_apart() -> None:
    z = torch.complex(X, X + 1)
    assert differ(run(snippet_of(Turned, lambda z, w: z * w, z, 1j * z)))


class Leaky(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, slope: float) -> torch.Tensor:
        ctx.mark_dirty(x)
        ctx.save_for_backward(x < 0)
        ctx.slope = slope
        # In float32, which is wrong by a billionth.
        return x.mul_(torch.where(x > 0, 1.0, slope).float().to(x.dtype))

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> Any:  # type: ignore[override]
        (negative,) = ctx.saved_tensors
        return torch.where(negative, g * ctx.slope, g), None


def test_what_is_written_to_in_place_is_a_clone_and_small_errors_are_seen() -> None:
    snippet = snippet_of(
        Leaky,
        lambda x, slope: torch.nn.functional.leaky_relu(x, slope),
        X,
        0.1,
        inplace="x",
        kinks={"x": (0.0,)},
    )
    assert differ(run(snippet))
    got, expected = snippet.rstrip().rpartition("got [")[2].split("expected [")
    assert got.split("]")[0] != expected.split("]")[0]


class Kept(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> Any:  # type: ignore[override]
        return g


def test_rounding_is_not_shown_beside_what_is_not_a_number() -> None:
    def fn(x: torch.Tensor) -> torch.Tensor:
        return torch.where(x > 0, x * float("nan"), x / 3)

    snippet = snippet_of(fn, lambda x: x / 3, X, dtypes=("float32",))
    assert "set_printoptions" not in snippet
    assert differ(run(snippet, fn))


def test_a_function_that_is_not_written_to_as_promised_is_shown() -> None:
    snippet = snippet_of(lambda x: x * 2, lambda x: 2 * x, X, inplace="x")
    assert differ(run(snippet, lambda x: x * 2))


def test_what_cannot_be_imported_is_put_in_by_hand() -> None:
    class Local(Kept):
        @staticmethod
        def backward(ctx: Any, g: torch.Tensor) -> Any:  # type: ignore[override]
            return 3 * g

    for fn in (Local, Local.apply):
        snippet = snippet_of(fn, lambda x: x * 1, X)
        assert "= ...  # put Local.apply here" in snippet
        assert differ(run(snippet, Local.apply))


def test_a_lambda_that_returns_a_dictionary() -> None:
    def fn(x: torch.Tensor) -> Any:
        return {"loss": x * x.detach(), "more": [x]}

    snippet = snippet_of(fn, lambda x: {"loss": x * x, "more": [x]}, X)
    assert "['loss']" in snippet
    assert differ(run(snippet, fn))


class Dropped(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, p: float) -> torch.Tensor:
        mask = (torch.rand_like(x) >= p).to(x.dtype) / (1 - p)
        ctx.save_for_backward(mask)
        return x * mask

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> Any:  # type: ignore[override]
        (mask,) = ctx.saved_tensors
        return g * (mask > 0), None


def dropped(x: torch.Tensor, p: float) -> torch.Tensor:
    return x * (torch.rand_like(x) >= p).to(x.dtype) / (1 - p)


def test_random_numbers_are_drawn_as_the_check_drew_them() -> None:
    snippet = snippet_of(Dropped, dropped, X, 0.4)
    torch.manual_seed(0)
    assert differ(run(snippet))


class Cached(torch.autograd.Function):
    cache: ClassVar[dict[Any, torch.Tensor]] = {}

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x, w)
        return x * Cached.cache.setdefault(tuple(w.shape), w.detach().clone())

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> Any:  # type: ignore[override]
        x, w = ctx.saved_tensors
        return g * w, g * x


def test_what_another_call_left_is_shown_from_the_beginning_or_not_at_all() -> None:
    Cached.cache.clear()
    snippet = snippet_of(Cached, lambda x, w: x * w, X, X + 1)
    Cached.cache.clear()  # as in a new process
    if "# raises GradcheckError" in snippet:
        with pytest.raises(GradcheckError):
            run(snippet)
    else:
        assert differ(run(snippet))


def test_large_tensors_are_drawn_and_one_element_is_shown() -> None:
    def fn(x: torch.Tensor) -> torch.Tensor:
        return x * x.detach()

    snippet = snippet_of(fn, lambda x: x * x, torch.linspace(-3, 3, 90_000).reshape(300, 300))
    assert len(snippet) < 1000
    assert differ(run(snippet, fn))


class Square(torch.autograd.Function):
    @staticmethod
    def forward(x: torch.Tensor) -> torch.Tensor:
        return x * x

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> Any:  # type: ignore[override]
        return 2 * g * ctx.saved_tensors[0]

    @staticmethod
    def jvp(ctx: Any, t: torch.Tensor) -> Any:  # type: ignore[override]
        return t * ctx.saved_tensors[0]


class Batched(Square):
    @staticmethod
    def jvp(ctx: Any, t: torch.Tensor) -> Any:  # type: ignore[override]
        return 2 * t * ctx.saved_tensors[0]

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: torch.Tensor) -> Any:
        return x * x * 2, in_dims[0]


@pytest.mark.parametrize("fn", [Square, Batched])
def test_rules_are_called_as_the_check_called_them(fn: Any) -> None:
    snippet = snippet_of(fn, lambda x: x * x, X)
    assert ("make_dual" if fn is Square else "vmap") in snippet
    assert differ(run(snippet))


class Scaled(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weight.detach() * self.weight


def test_a_module_is_put_in_and_has_the_parameters_of_the_check() -> None:
    module = Scaled()
    snippet = snippet_of(module, lambda x, weight: x * weight * weight, X)
    assert "put your module here" in snippet
    assert differ(run(snippet, module))


# --------------------------------------------------------------------------
# What is said beside them


def said_of(fn: Any, reference: Any, *inputs: Any, **options: Any) -> str:
    with pytest.raises(harness.CheckFailed) as found:
        harness.check(fn, reference, *inputs, **{**QUICK, **options})
    return str(found.value)


def test_a_factor_of_nearly_one_is_told_as_what_it_is_off_by() -> None:
    third = torch.tensor(1 / 3, dtype=torch.float32).double()
    said = said_of(lambda x: x * third, lambda x: x / 3, X)
    assert "is off by 3e-08 of its value everywhere: as with a constant in float32" in said
    assert "is 1 times" not in said


@pytest.mark.parametrize(("fn", "rule"), [(Square, "jvp"), (Batched, "vmap")])
def test_the_rule_that_is_wrong_comes_first_and_once(fn: Any, rule: str) -> None:
    said = said_of(fn, lambda x: x * x, X)
    (told,) = [line for line in said.splitlines() if line.startswith("✗ Its ")]
    assert told.startswith(f"✗ Its {rule}")


class Overwriting(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return 2 * x

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> Any:  # type: ignore[override]
        return g.mul_(2)


def test_what_is_raised_for_the_same_reason_is_no_cause_of_its_own() -> None:
    said = said_of(Overwriting, lambda x: 2 * x, X)
    assert said.count("backward overwrites the incoming gradient") == 1
    assert said.partition("✗ ")[2].startswith("backward overwrites the incoming gradient")


class Summed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return x + y

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> Any:  # type: ignore[override]
        return g, g.sum()


def test_a_gradient_of_the_wrong_shape_is_told_once() -> None:
    said = said_of(Summed, lambda x, y: x + y, X, X, vary_sizes=True)
    assert said.partition("To see it again")[0].count("of shape") <= 1, said


def test_the_dtype_that_another_call_left_is_not_said_to_be_made_there() -> None:
    Cached.cache.clear()
    said = said_of(Cached, lambda x, w: x * w, X, X + 1, dtypes=("float32",))
    assert "a dtype of its own" not in said
    assert "kept from call to call" not in said


def test_an_interval_is_told_by_both_ends() -> None:
    def fn(x: torch.Tensor) -> torch.Tensor:
        return torch.where(x == 0, -3 * x, x.abs())

    said = said_of(fn, lambda x: x.abs(), X, kinks={"x": (0.0,)})
    assert '"between", ' in said
    printed = run(said.partition("To see it again:\n\n")[2], fn)
    (got,), (_, low, _, high) = printed["got"], printed["expected"]
    assert not bool(((low <= got) & (got <= high)).all())

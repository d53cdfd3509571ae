"""What people write can be said to harness.check: right ones pass, wrong ones fail."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.autograd.function import once_differentiable
from torch.nn import functional

import harness
from harness.errors import UsageError
from harness.library import UncheckedWarning

X = torch.linspace(-3, 3, 12).reshape(3, 4)
QUICK: dict[str, Any] = {"vary_sizes": False, "dtypes": ()}
Backward = Callable[..., Any]


def function(forward: Callable[..., Any], backward: Backward, **more: Any) -> Any:
    """A Function class made of these."""
    members = {"forward": staticmethod(forward), "backward": staticmethod(backward), **more}
    return type("Made", (torch.autograd.Function,), members)


def failed(fn: Any, reference: Any, *inputs: Any, **options: Any) -> str:
    with pytest.raises(harness.CheckFailed) as found:
        harness.check(fn, reference, *inputs, **options)
    return str(found.value)


# --------------------------------------------------------------------------
# Several results


def sine(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    y = torch.sin(x)
    return y, y * x


def of_sine(keep: bool, materialised: bool = True) -> Any:
    def forward(ctx: Any, x: torch.Tensor) -> Any:
        ctx.set_materialize_grads(materialised)
        ctx.save_for_backward(x)
        return sine(x)

    def backward(ctx: Any, g: Any, h: Any) -> Any:
        (x,) = ctx.saved_tensors
        first = g * x.cos()
        return first + h * (x * x.cos() + x.sin()) if keep else first

    return function(forward, backward)


def test_each_of_several_results_is_asked_alone_and_together() -> None:
    report = harness.check(of_sine(True), sine, X, **QUICK)
    assert {found.manner for found in report.found} >= {
        "result 0 of 2, the other unused",
        "result 1 of 2, the other unused",
        "all results together",
    }


def test_a_result_whose_gradient_is_dropped_is_found() -> None:
    assert "result 1 of 2" in failed(of_sine(False), sine, X, **QUICK)


def test_a_result_that_must_be_used_is_found() -> None:
    said = failed(of_sine(True, materialised=False), sine, X, **QUICK)
    assert "TypeError: unsupported operand" in said
    assert "in backward\n    first = g * x.cos()" in said or "h * (x * x.cos()" in said


@pytest.mark.parametrize("materialised", [True, False])
def test_a_result_inside_the_function_may_go_unused(materialised: bool) -> None:
    inner = of_sine(True, materialised)

    def both(x: torch.Tensor) -> torch.Tensor:
        y, z = inner.apply(x)
        result: torch.Tensor = y + z
        return result

    def reference(x: torch.Tensor) -> torch.Tensor:
        return torch.sin(x) * (1 + x)

    if materialised:
        assert harness.check(both, reference, X, **QUICK)
    else:
        said = failed(both, reference, X, **QUICK)
        assert "TypeError" in said
        assert "of a Function inside is not used" in said


def largest(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    values, places = x.max(-1)
    return values, places


@pytest.mark.parametrize("mended", [True, False])
def test_a_result_without_gradient_is_compared_too(mended: bool) -> None:
    def forward(ctx: Any, x: torch.Tensor) -> Any:
        values, places = x.max(-1)
        ctx.mark_non_differentiable(places)
        ctx.save_for_backward(x, places)
        return values, places if mended else places.flip(0)

    def backward(ctx: Any, g: torch.Tensor, _: Any) -> Any:
        x, places = ctx.saved_tensors
        return torch.zeros_like(x).scatter(-1, places[..., None], g[..., None])

    x = torch.tensor([[1.0, 3.0, 2.0], [6.0, 5.0, 4.0]])
    if mended:
        assert harness.check(function(forward, backward), largest, x, **QUICK)
    else:
        assert "result 1 of 2" in failed(function(forward, backward), largest, x, **QUICK)


def test_a_float_result_that_should_have_no_gradient_must_not_have_one() -> None:
    def reference(x: torch.Tensor) -> Any:
        return x * 2, x.detach().square()

    def forward(ctx: Any, x: torch.Tensor) -> Any:
        return x * 2, x.square()

    def leaking(ctx: Any, g: torch.Tensor, h: torch.Tensor) -> Any:
        return 2 * g + h

    def honest(ctx: Any, x: torch.Tensor) -> Any:
        square = x.square()
        ctx.mark_non_differentiable(square)
        return x * 2, square

    assert harness.check(function(honest, lambda ctx, g, _: 2 * g), reference, X, **QUICK)
    said = failed(function(forward, leaking), reference, X, **QUICK)
    assert "result 1 of 2" in said


# --------------------------------------------------------------------------
# Arguments of other kinds


def test_members_of_lists_are_asked_for_their_gradients() -> None:
    def reference(weight: torch.Tensor, features: list[torch.Tensor]) -> torch.Tensor:
        return torch.tanh(torch.cat(features, 1) @ weight)

    def forward(ctx: Any, weight: torch.Tensor, *features: torch.Tensor) -> Any:
        x = torch.cat(features, 1)
        y = torch.tanh(x @ weight)
        ctx.save_for_backward(weight, x, y)
        ctx.widths = [f.shape[1] for f in features]
        return y

    @once_differentiable
    def backward(ctx: Any, g: torch.Tensor) -> Any:
        weight, x, y = ctx.saved_tensors
        g = g * (1 - y * y)
        return x.T @ g, *(g @ weight.T).split(ctx.widths, 1)

    def none(ctx: Any, g: torch.Tensor) -> Any:
        return (backward(ctx, g)[0], None, None)

    features = [torch.linspace(-1, 1, 6).reshape(3, 2), torch.linspace(1, -1, 3).reshape(3, 1)]
    w = torch.linspace(-1, 1, 6).reshape(3, 2)
    right, wrong = function(forward, backward), function(forward, none)
    assert harness.check(lambda w, f: right.apply(w, *f), reference, w, features, **QUICK)
    said = failed(lambda w, f: wrong.apply(w, *f), reference, w, features, **QUICK)
    assert "features_0" in said


def test_integer_and_boolean_arguments_are_handed_over_and_must_stay_as_they_are() -> None:
    def reference(x: torch.Tensor, at: torch.Tensor, on: torch.Tensor) -> torch.Tensor:
        return x[at] * on

    at, on = torch.tensor([2, 0]), torch.tensor([True, False, True, True])
    assert harness.check(reference, reference, X, at, on, dtypes=())

    def sorts(x: torch.Tensor, at: torch.Tensor, on: torch.Tensor) -> torch.Tensor:
        result = reference(x, at, on)
        at.zero_()
        return result

    assert "the call writes to" in failed(sorts, reference, X, at, on, **QUICK)


class Affine(torch.nn.Module):
    def __init__(self, forget: bool = False) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.linspace(-1, 1, 20).reshape(5, 4))
        self.bias = torch.nn.Parameter(torch.zeros(5))
        self.register_buffer("scale", torch.tensor(2.0))
        self.forget = forget

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        bias = self.bias.detach() if self.forget else self.bias
        scale: torch.Tensor = self.get_buffer("scale")
        return scale * (x @ self.weight.mT + bias)


def affine(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    return 2 * functional.linear(x, weight, bias)


def test_the_parameters_of_a_module_are_compared_with_those_of_its_reference() -> None:
    assert harness.check(Affine(), Affine(), X, dtypes=())
    said = failed(Affine(forget=True), Affine(), X, **QUICK)
    assert "bias" in said


def test_the_reference_of_a_module_may_take_its_parameters_or_read_them() -> None:
    assert harness.check(Affine(), affine, X, **QUICK)
    module = Affine()
    assert harness.check(module, lambda x: affine(x, module.weight, module.bias), X, **QUICK)
    forgetful = Affine(forget=True)
    said = failed(forgetful, lambda x: affine(x, forgetful.weight, forgetful.bias), X, **QUICK)
    assert "bias" in said
    assert isinstance(module.weight, torch.nn.Parameter)


def test_a_module_among_the_arguments_is_asked_for_its_parameters() -> None:
    def reference(x: torch.Tensor, layer: torch.nn.Linear) -> torch.Tensor:
        return functional.linear(x, layer.weight, layer.bias).tanh()

    def wrong(x: torch.Tensor, layer: torch.nn.Linear) -> torch.Tensor:
        return functional.linear(x, layer.weight.detach(), layer.bias).tanh()

    layer = torch.nn.Linear(4, 2)
    assert harness.check(lambda x, m: m(x).tanh(), reference, X, layer, **QUICK)
    assert "layer_weight" in failed(wrong, reference, X, layer, **QUICK)


def test_a_parameter_that_is_not_handed_over_is_warned_of() -> None:
    weight = torch.nn.Parameter(torch.linspace(-1, 1, 4))
    with pytest.warns(UncheckedWarning, match="requires grad and is not among"):
        harness.check(lambda x: x * weight.to(x), lambda x: x * weight.to(x), X, **QUICK)


def test_modules_with_other_parameters_are_refused() -> None:
    with pytest.raises(UsageError, match="compared by name"):
        harness.check(Affine(), torch.nn.Linear(4, 6), X)


def scaled(x: torch.Tensor, *, by: float = 2.0, name: str = "plain") -> torch.Tensor:
    return x * by


def test_keyword_only_arguments_take_their_defaults_or_what_is_said() -> None:
    def ignoring(x: torch.Tensor, *, by: float = 2.0, name: str = "plain") -> torch.Tensor:
        return x * 2.0

    assert harness.check(scaled, scaled, X, **QUICK)
    assert harness.check(ignoring, scaled, X, **QUICK)
    failed(ignoring, scaled, X, by=3.0, **QUICK)
    failed(ignoring, scaled, X, keywords={"by": 3.0}, **QUICK)
    assert harness.check(scaled, scaled, X, by=3.0, name="other", **QUICK)
    with pytest.raises(UsageError, match=r"no option 'byy'.*Did you mean 'by'"):
        harness.check(scaled, scaled, X, byy=3.0)
    with pytest.raises(UsageError, match="Did you mean 'double_backward'"):
        harness.check(scaled, scaled, X, double_backwrad=True)


def test_complex_tensors_are_asked_in_both_their_parts() -> None:
    def backward(ctx: Any, g: torch.Tensor) -> Any:
        a, b = ctx.saved_tensors
        return g * b.conj(), g * a.conj()

    def forgetting(ctx: Any, g: torch.Tensor) -> Any:
        a, b = ctx.saved_tensors
        return g * b, g * a

    def forward(ctx: Any, a: torch.Tensor, b: torch.Tensor) -> Any:
        ctx.save_for_backward(a, b)
        return a * b

    a, b = torch.complex(X, X.flip(0)), torch.complex(X / 2, X + 1)
    assert harness.check(function(forward, backward), torch.mul, a, b)
    failed(function(forward, forgetting), torch.mul, a, b, **QUICK)


def test_a_sparse_matrix_is_drawn_and_its_gradient_is_said_to_be_unasked() -> None:
    def forward(ctx: Any, a: torch.Tensor, x: torch.Tensor) -> Any:
        ctx.a = a
        return torch.sparse.mm(a, x)

    def backward(ctx: Any, g: torch.Tensor) -> Any:
        return None, torch.sparse.mm(ctx.a.t(), g)

    def forgetting(ctx: Any, g: torch.Tensor) -> Any:
        return None, torch.sparse.mm(ctx.a, g)

    a = torch.tensor([[0.0, 2.0, 0.0], [1.0, 0.0, -1.0], [0.0, 0.0, 3.0]]).to_sparse()
    report = harness.check(function(forward, backward), torch.sparse.mm, a, X)
    assert "sparse" in str(report)
    failed(function(forward, forgetting), torch.sparse.mm, a, X, **QUICK)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_cuda_tensors_are_asked_on_their_device() -> None:
    devices = set()

    def forward(ctx: Any, x: torch.Tensor) -> Any:
        devices.add(x.device.type)
        ctx.save_for_backward(x)
        return x.sin()

    right = function(forward, lambda ctx, g: g * ctx.saved_tensors[0].cos())
    report = harness.check(right, torch.sin, X.cuda())
    assert devices == {"cuda"}
    assert "asked on cuda" in str(report)
    failed(function(forward, lambda ctx, g: g), torch.sin, X.cuda(), **QUICK)


# --------------------------------------------------------------------------
# Contracts


def reverse(sign: float) -> Any:
    def forward(ctx: Any, x: torch.Tensor, strength: float) -> Any:
        ctx.strength = strength
        return x.view_as(x)

    return function(forward, lambda ctx, g: (g * sign * ctx.strength, None))


def same(x: torch.Tensor, strength: float) -> torch.Tensor:
    return x.clone()


@pytest.mark.parametrize(
    "gradient",
    [
        lambda x, strength, g: -strength * g,
        lambda x, strength, g: (-strength * g, None),
        lambda x, strength, g: {"x": -strength * g},
    ],
)
def test_a_gradient_by_contract_need_not_be_the_derivative(gradient: Any) -> None:
    assert harness.check(reverse(-1), same, X, 0.5, gradient=gradient, **QUICK)
    failed(reverse(1), same, X, 0.5, gradient=gradient, **QUICK)


def test_a_contract_of_several_results_gets_all_their_gradients() -> None:
    def contract(x: torch.Tensor, g: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        return (g + 3 * h).clamp(-0.1, 0.1)

    def both(x: torch.Tensor) -> Any:
        return x + 0, 2 * x

    right = function(lambda ctx, x: both(x), lambda ctx, g, h: (g + 3 * h).clamp(-0.1, 0.1))
    wrong = function(lambda ctx, x: both(x), lambda ctx, g, h: (g + 2 * h).clamp(-0.1, 0.1))
    assert harness.check(right, both, X, gradient=contract, **QUICK)
    failed(wrong, both, X, gradient=contract, **QUICK)


def test_arguments_without_gradient_are_named() -> None:
    def forward(ctx: Any, x: torch.Tensor, angle: torch.Tensor) -> Any:
        ctx.save_for_backward(angle)
        return x * angle.cos()

    def backward(ctx: Any, g: torch.Tensor) -> Any:
        (angle,) = ctx.saved_tensors
        return g * angle.cos(), None

    def reference(x: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
        return x * angle.cos()

    made = function(forward, backward)
    assert harness.check(made, reference, X, X, no_gradient="angle", **QUICK)
    assert harness.check(made, reference, X.clone().requires_grad_(), X, **QUICK)
    assert "angle" in failed(made, reference, X, X, **QUICK)
    with pytest.raises(UsageError, match="no_gradient names 'angel'"):
        harness.check(made, reference, X, X, no_gradient=("angel",))


def test_a_stated_tolerance_is_allowed_and_no_more() -> None:
    def forward(ctx: Any, x: torch.Tensor) -> Any:
        ctx.save_for_backward(x)
        return x.tanh() + 2e-4 * x.cos()

    def backward(ctx: Any, g: torch.Tensor) -> Any:
        (x,) = ctx.saved_tensors
        return g * (1 - x.tanh() ** 2) * 1.0003

    made = function(forward, backward)
    assert harness.check(made, torch.tanh, X, tolerance=1e-3, dtypes=())
    failed(made, torch.tanh, X, tolerance=1e-5, **QUICK)
    failed(made, torch.tanh, X, **QUICK)
    half = function(forward, lambda ctx, g: 0.9 * backward(ctx, g))
    failed(half, torch.tanh, X, tolerance=1e-3, **QUICK)


def single_only(right: bool) -> Any:
    def forward(ctx: Any, x: torch.Tensor) -> Any:
        if x.dtype != torch.float32:
            raise TypeError(f"expected float32, got {x.dtype}")
        ctx.save_for_backward(x)
        return x.sin()

    return function(forward, lambda ctx, g: g * ctx.saved_tensors[0].cos() * (1 if right else 1.01))


def test_kernels_of_one_dtype_are_asked_in_that_where_it_is_stated() -> None:
    report = harness.check(single_only(True), torch.sin, X, dtypes=("float32",))
    assert "float64" in str(report)
    assert "gradient" in failed(single_only(False), torch.sin, X, dtypes=("float32",))
    said = failed(single_only(True), torch.sin, X)
    assert "say dtypes=('float32',)" in said
    assert "TypeError: expected float32" in said


# --------------------------------------------------------------------------
# Calls that write and draw


@pytest.mark.parametrize("options", [{}, {"inplace": True}, {"inplace": "x"}])
def test_a_declared_in_place_op_passes(options: dict[str, Any]) -> None:
    def forward(ctx: Any, x: torch.Tensor) -> Any:
        ctx.mark_dirty(x)
        return x.mul_(2.0)

    def reference(x: torch.Tensor) -> torch.Tensor:
        return 2 * x

    assert harness.check(function(forward, lambda ctx, g: 2 * g), reference, X, **options)
    failed(function(forward, lambda ctx, g: g), reference, X, **options, **QUICK)


def test_an_in_place_op_that_is_not_declared_fails() -> None:
    def forward(ctx: Any, x: torch.Tensor) -> Any:
        x *= 2.0
        return x

    def reference(x: torch.Tensor) -> torch.Tensor:
        return 2 * x

    made = function(forward, lambda ctx, g: 2 * g)
    failed(made, reference, X, **QUICK)
    failed(made, reference, X, inplace=True, **QUICK)


def test_what_was_stated_to_be_in_place_must_be() -> None:
    said = failed(lambda x: 2 * x, lambda x: 2 * x, X, inplace=True, **QUICK)
    assert "to hold the result" in said


def dropout(x: torch.Tensor, p: float) -> torch.Tensor:
    return x * (torch.rand_like(x.detach()) >= p) / (1 - p)


def test_random_ops_draw_the_reference_s_numbers() -> None:
    def forward(ctx: Any, x: torch.Tensor, p: float) -> Any:
        ctx.mask = (torch.rand_like(x) >= p).to(x.dtype) / (1 - p)
        return x * ctx.mask

    def again(ctx: Any, g: torch.Tensor) -> Any:
        return g * (torch.rand_like(g) >= 0.4).to(g.dtype) / 0.6, None

    right = function(forward, lambda ctx, g: (g * ctx.mask, None))
    report = harness.check(right, dropout, X, 0.4)
    assert "random numbers" in str(report)
    failed(function(forward, again), dropout, X, 0.4, **QUICK)


def test_a_view_of_the_input_is_no_fault() -> None:
    turned = function(lambda ctx, x: x.t(), lambda ctx, g: g.t())
    assert harness.check(turned, lambda x: x.t(), X, dtypes=())
    wrong = function(lambda ctx, x: x.t(), lambda ctx, g: 2 * g.t())
    failed(wrong, lambda x: x.t(), X, **QUICK)


def test_a_result_that_cannot_be_written_to_in_place_is_found() -> None:
    def forward(ctx: Any, x: torch.Tensor) -> Any:
        return (2 * x.reshape(-1)).view(x.shape)

    def reference(x: torch.Tensor) -> torch.Tensor:
        return 2 * x

    said = failed(function(forward, lambda ctx, g: 2 * g), reference, X, **QUICK)
    assert "the result written to in place" in said
    saved = function(  # one that autograd notices
        lambda ctx, x: [y := x.exp(), ctx.save_for_backward(y)][0],
        lambda ctx, g: g * ctx.saved_tensors[0],
    )
    assert harness.check(saved, torch.exp, X, **QUICK)


# --------------------------------------------------------------------------
# Inputs that must be made


def positive_definite(generator: torch.Generator, size: int) -> torch.Tensor:
    a = torch.randn((size, size), generator=generator, dtype=torch.float64)
    return a @ a.mT + size * torch.eye(size, dtype=torch.float64)


def test_inputs_are_made() -> None:
    def forward(ctx: Any, a: torch.Tensor) -> Any:
        ctx.save_for_backward(a)
        return torch.logdet(a)

    def backward(ctx: Any, g: torch.Tensor) -> Any:
        return g * torch.linalg.inv(ctx.saved_tensors[0]).mT

    right = function(forward, backward)
    wrong = function(forward, lambda ctx, g: 1.5 * backward(ctx, g))
    assert harness.check(right, torch.logdet, make=positive_definite, dtypes=())
    failed(wrong, torch.logdet, make=positive_definite, dtypes=())


def test_indices_that_are_made_change_from_draw_to_draw() -> None:
    seen = []

    def make(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        rng = torch.Generator().manual_seed(seed)
        index = torch.randint(5, (4,), generator=rng).sort().values
        return torch.randn((5, 2), generator=rng), index

    def reference(x: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        seen.append(tuple(index.tolist()))
        assert bool((index.diff() >= 0).all())
        return x[index].sum(0)

    def right(x: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        return torch.bincount(index, minlength=len(x)).to(x) @ x

    def once(x: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        return (torch.bincount(index, minlength=len(x)) > 0).to(x) @ x

    assert harness.check(right, reference, make=make, dtypes=())
    assert len(set(seen)) > 3
    failed(once, reference, make=make, dtypes=())


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.rand(3, 4),
        lambda g: torch.rand((3, 4), generator=g),
        lambda size: torch.rand(size, 4),
        lambda seed, size: torch.rand(size, 4),
    ],
)
def test_make_takes_a_generator_a_seed_a_size_or_nothing(make: Any) -> None:
    assert harness.check(torch.sqrt, torch.sqrt, make=make, dtypes=())


def test_an_example_beside_make_says_how_many_arguments_there_are() -> None:
    def make(generator: torch.Generator) -> list[torch.Tensor]:
        return [torch.rand((2, 3), generator=generator) for _ in range(2)]

    assert harness.check(torch.mul, torch.mul, X, X, make=make, dtypes=())
    with pytest.raises(UsageError, match="make= gives 1 arguments, expected 2"):
        harness.check(torch.mul, torch.mul, X, X, make=lambda: X)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: [][0], "make= raises IndexError"),
        (lambda generator, size, third: X, "'third', expected generator, seed or size"),
    ],
)
def test_what_make_cannot_do_is_said(make: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        harness.check(torch.sqrt, torch.sqrt, make=make)


# --------------------------------------------------------------------------
# Sizes


def test_a_block_that_is_cut_off_shows_far_from_the_example_s_sizes() -> None:
    def backward(ctx: Any, g: torch.Tensor) -> Any:
        gradient = 2 * g
        gradient[1024:] = 0
        return gradient

    wrong = function(lambda ctx, x: 2 * x, backward)
    assert "far_sizes" in failed(wrong, lambda x: 2 * x, X, dtypes=())


def test_room_that_was_made_for_a_larger_call_shows_in_a_smaller_one() -> None:
    made: dict[torch.dtype, torch.Tensor] = {}

    def forward(ctx: Any, x: torch.Tensor) -> Any:
        ctx.save_for_backward(x)
        if x.numel() < 500:
            return x.square().sum()
        if x.dtype not in made or made[x.dtype].numel() < x.numel():
            made[x.dtype] = torch.zeros(x.numel(), dtype=x.dtype)
        made[x.dtype][: x.numel()] = x.reshape(-1).square()
        return made[x.dtype].sum()

    wrong = function(forward, lambda ctx, g: 2 * g * ctx.saved_tensors[0])
    assert "far_sizes" in failed(wrong, lambda x: x.square().sum(), torch.randn(7, 5), dtypes=())


@pytest.mark.parametrize("frozen", [False, True])
def test_what_is_kept_in_the_place_of_something_older_is_no_leak(frozen: bool) -> None:
    class Kept:
        def __init__(self) -> None:
            self.last = deque([torch.zeros(1) for _ in range(500)], maxlen=500)
            self.every: list[torch.Tensor] = []

    holder = Kept()

    def keeping(name: str) -> Any:
        def forward(ctx: Any, x: torch.Tensor) -> Any:
            getattr(holder, name).append(x.detach().mean())
            return 2 * x

        return function(forward, lambda ctx, g: 2 * g)

    if frozen:
        gc.freeze()
    try:
        if not frozen:  # by the caller: then nobody sees what goes
            assert harness.check(keeping("last"), lambda x: 2 * x, X, **QUICK)
        assert "released" in failed(keeping("every"), lambda x: 2 * x, X, **QUICK)
        assert bool(gc.get_freeze_count()) == frozen
    finally:
        gc.unfreeze()


def test_a_large_example_is_asked_at_smaller_sizes_and_says_so() -> None:
    x, w = torch.ones(64, 1024), torch.linspace(-1, 1, 1024 * 1024).reshape(1024, 1024)
    report = harness.check(torch.matmul, lambda x, w: x @ w, x, w, dtypes=())
    assert "the example is large" in str(report)


def test_zeros_beside_other_values_are_asked_at_one_size_too() -> None:
    def forward(ctx: Any, x: torch.Tensor) -> Any:
        y = x.prod(-1)
        ctx.save_for_backward(x, y)
        return y

    def backward(ctx: Any, g: torch.Tensor) -> Any:
        x, y = ctx.saved_tensors
        return ((g * y).unsqueeze(-1) / x).masked_fill(x == 0, 0)

    for seed in range(2):
        failed(function(forward, backward), lambda x: x.prod(-1), X, seed=seed, **QUICK)


def test_as_many_rows_as_columns_are_asked() -> None:
    def backward(ctx: Any, g: torch.Tensor) -> Any:
        return 2 * (g.mT if g.shape[-1] == g.shape[-2] else g)

    failed(function(lambda ctx, x: 2 * x, backward), lambda x: 2 * x, X[:, :4][:2], dtypes=())


def test_nothing_is_drawn_outside_of_the_range_that_was_stated() -> None:
    def reference(x: torch.Tensor) -> torch.Tensor:
        assert bool(((x >= 0) & (x <= 4)).all()), x
        return x.sqrt()

    options: dict[str, Any] = {"ranges": {"x": (0.0, 4.0)}, "kinks": {"x": (0.0, 9.0)}}
    assert harness.check(torch.sqrt, reference, X.abs(), **options, dtypes=("float32",))


# --------------------------------------------------------------------------
# Rules that are offered


class Cube(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: torch.Tensor) -> torch.Tensor:
        return x**3

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> Any:  # type: ignore[override]
        (x,) = ctx.saved_tensors
        return 3 * x * x * g

    @staticmethod
    def jvp(ctx: Any, t: torch.Tensor) -> Any:  # type: ignore[override]
        (x,) = ctx.saved_tensors
        return 3 * x * x * t


class WrongTangent(Cube):
    @staticmethod
    def jvp(ctx: Any, t: torch.Tensor) -> Any:  # type: ignore[override]
        (x,) = ctx.saved_tensors
        return 2 * x * x * t


class WrongBatch(Cube):
    generate_vmap_rule = False

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: torch.Tensor) -> Any:
        return WrongBatch.apply(x), 0


def test_rules_for_forward_mode_and_vmap_are_held_to_the_reference() -> None:
    report = harness.check(Cube, lambda x: x**3, X, dtypes=())
    assert any("jvp" in found.manner for found in report.found)
    assert any("vmap" in found.manner for found in report.found)
    assert "Its jvp" in failed(WrongTangent, lambda x: x**3, X, **QUICK)
    assert "Its vmap rule" in failed(WrongBatch, lambda x: x**3, X, **QUICK)


# --------------------------------------------------------------------------
# What is said of a failure


def picked(x: torch.Tensor, at: torch.Tensor, scale: float, name: str) -> torch.Tensor:
    return 3 * x[at] * scale


def reference_of_picked(x: torch.Tensor, at: torch.Tensor, scale: float, name: str) -> Any:
    return 2 * x[at] * scale


def test_the_snippet_runs_with_every_argument(tmp_path: Path) -> None:
    at = torch.tensor([2, 0])
    with pytest.raises(harness.CheckFailed) as found:
        harness.check(picked, reference_of_picked, X, at, 0.5, "kept", **QUICK)
    snippet = next(f.snippet for f in found.value.report.failures if f.snippet)
    (tmp_path / "again.py").write_text(snippet)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "again.py")], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("got")


def test_one_cause_is_told_once_and_first() -> None:
    wrong = function(lambda ctx, x: [ctx.save_for_backward(x), x.sin()][1], lambda ctx, g: g)
    said = failed(wrong, torch.sin, X)
    assert said.count("✗") == 1
    assert len(said.splitlines()) < 25


def test_an_exception_shows_its_author_s_line_and_no_frame_of_ours() -> None:
    def backward(ctx: Any, g: torch.Tensor) -> Any:
        return g @ undefined  # type: ignore[name-defined]  # noqa: F821

    said = failed(function(lambda ctx, x: 2 * x, backward), lambda x: 2 * x, X, **QUICK)
    assert "NameError: name 'undefined' is not defined" in said
    assert "return g @ undefined" in said
    assert f'File "{__file__}"' in said
    assert "harness/library" not in said


def test_the_frames_of_the_harness_are_hidden_without_the_fixture() -> None:
    with pytest.raises(harness.CheckFailed) as found:
        harness.check(lambda x: 3 * x, lambda x: 2 * x, X, **QUICK)
    shown = found.traceback.filter(found)
    assert [Path(str(entry.path)).name for entry in shown] == ["test_check_kinds.py"]

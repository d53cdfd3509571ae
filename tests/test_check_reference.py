"""What is asked where the reference is special: a view, with ties, differentiable once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import harness
from harness.library import UncheckedWarning

X = torch.linspace(-3, 3, 12).reshape(3, 4)
SQUARE = torch.linspace(-2, 3, 16).reshape(4, 4)


def function(forward: Callable[..., Any], backward: Callable[..., Any]) -> Any:
    """A Function class made of these, that keeps its inputs."""

    def saving(ctx: Any, *inputs: torch.Tensor) -> Any:
        ctx.save_for_backward(*inputs)
        return forward(*inputs)

    members = {"forward": staticmethod(saving), "backward": staticmethod(backward)}
    return type("Made", (torch.autograd.Function,), members)


def fails(fn: Any, reference: Any, *inputs: Any, **options: Any) -> str:
    with pytest.raises(harness.CheckFailed) as found:
        harness.check(fn, reference, *inputs, **options)
    return str(found.value)


# --------------------------------------------------------------------------
# No elements


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0,)])
def test_an_example_without_elements_stands_for_those_that_have_some(shape: tuple[int]) -> None:
    def reference(x: torch.Tensor) -> torch.Tensor:
        return x.square().sum(-1)

    for factor in (2, 3):
        made = function(
            reference, lambda ctx, g, by=factor: by * g[..., None] * ctx.saved_tensors[0]
        )
        if factor == 2:
            assert harness.check(made, reference, torch.zeros(shape))
        else:
            fails(made, reference, torch.zeros(shape))


def test_an_empty_example_whose_sizes_stay_says_that_nothing_was_compared() -> None:
    report = harness.check(torch.sin, torch.sin, torch.zeros(0, 3), vary_sizes=False)
    assert "hold no numbers" in str(report)


# --------------------------------------------------------------------------
# Views


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x[..., 1:3],
        lambda x: x.mT,
        lambda x: x.diagonal(),
        lambda x: x.unfold(-1, 2, 1),
        lambda x: x.chunk(2, -1),
        lambda x: x.unbind(0),
    ],
)
def test_a_reference_that_returns_views_is_right_itself(view: Callable[..., Any]) -> None:
    assert harness.check(view, view, SQUARE)


def test_a_function_that_returns_a_wrong_view_still_fails() -> None:
    fails(lambda x: x[..., :2], lambda x: x[..., 1:3], SQUARE)
    fails(lambda x: x.unbind(0)[::-1], lambda x: x.unbind(0), SQUARE)


# --------------------------------------------------------------------------
# Second derivatives


def distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.cdist(a, b)


def test_a_reference_without_second_derivatives_is_asked_for_first_ones() -> None:
    with pytest.warns(UncheckedWarning, match="second derivatives were not asked"):
        assert harness.check(distance, distance, X, X[:2] + 1)
    with pytest.warns(UncheckedWarning):
        fails(lambda a, b: 2 * distance(a, b), distance, X, X[:2] + 1)
    with pytest.raises(harness.errors.UsageError, match="not implemented"):
        harness.check(distance, distance, X, X[:2] + 1, double_backward=True)


def test_a_stated_error_says_nothing_of_second_derivatives() -> None:
    """A ripple is small, and so is its slope, while it bends as much as the sine itself."""

    def rippled(x: torch.Tensor) -> torch.Tensor:
        return x.sin() + 1e-4 * (100 * x).sin() / 10

    assert harness.check(rippled, torch.sin, X, tolerance=2e-3)
    fails(rippled, torch.sin, X, tolerance=2e-3, double_backward=True)


# --------------------------------------------------------------------------
# Layouts


def test_a_layout_in_which_the_reference_gives_something_else_is_not_asked() -> None:
    def flaky(x: torch.Tensor) -> torch.Tensor:
        return x.exp() if 0 not in x.stride() else x.exp() * 1.5

    assert harness.check(torch.exp, flaky, X)
    fails(lambda x: torch.exp(x) * (1 if x.is_contiguous() else 2), flaky, X)


# --------------------------------------------------------------------------
# Ties and jumps


def largest(share: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """The largest of each row, whose gradient its tied elements get as ``share`` says."""

    def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
        (x,) = ctx.saved_tensors
        return g[..., None] * share((x == x.amax(-1, keepdim=True)).to(g.dtype))

    return function(lambda x: x.amax(-1), backward)


def test_however_tied_elements_share_a_gradient_is_right_where_all_of_it_is_there() -> None:
    ways = [
        lambda tied: tied / tied.sum(-1, keepdim=True),
        lambda tied: tied * (tied.cumsum(-1) == tied.sum(-1, keepdim=True)),
    ]
    for reference in (lambda x: x.max(-1).values, lambda x: x.topk(1).values[..., 0]):
        for share in ways:
            assert harness.check(largest(share), reference, X, vary_sizes=False)
        fails(largest(lambda tied: tied), reference, X, vary_sizes=False)


def test_either_slope_is_right_where_a_value_is_exactly_at_a_jump() -> None:
    def of(slope: float) -> Any:
        def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
            (x,) = ctx.saved_tensors
            return g * torch.where(x == 0, slope, x.sign())

        return function(torch.abs, backward)

    for slope in (-1.0, 0.5):
        assert harness.check(of(slope), torch.abs, X, vary_sizes=False)
    fails(of(7.0), torch.abs, X, vary_sizes=False)


def test_a_jump_of_a_huge_slope_has_the_reference_s_own_value_in_between() -> None:
    def unit(x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(x, dim=-1, eps=1e-10)

    assert harness.check(unit, unit, X)


# --------------------------------------------------------------------------
# Several results, buffers, sizes


def test_whole_numbers_and_truth_values_are_compared_at_zero_and_in_their_dtype() -> None:
    def of(answer: Callable[[torch.Tensor], torch.Tensor]) -> Callable[..., Any]:
        return lambda x: (x.exp(), x.argmin(-1), answer(x))

    reference = of(lambda x: x.sign().long())
    assert harness.check(of(lambda x: (x > 0).long() - (x < 0).long()), reference, X)
    fails(of(lambda x: (x >= 0).long() - (x < 0).long()), reference, X, vary_sizes=False)
    assert "expected torch.int64" in fails(of(lambda x: x.sign().int()), reference, X)


def test_the_place_of_any_of_several_largest_is_right() -> None:
    def last(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x.exp(), x.shape[-1] - 1 - x.flip(-1).argmax(-1)

    assert harness.check(last, lambda x: (x.exp(), x.argmax(-1)), X, vary_sizes=False)


def test_a_mapping_of_results_is_compared_by_key() -> None:
    def reference(x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"sine": x.sin(), "cosine": x.cos()}

    assert harness.check(lambda x: {"cosine": x.cos(), "sine": x.sin()}, reference, X, dtypes=())
    fails(lambda x: {"cosine": x.sin(), "sine": x.cos()}, reference, X, dtypes=())
    assert "has the keys" in fails(lambda x: {"a": x.sin(), "b": x.cos()}, reference, X)


class Counting(torch.nn.Module):
    """Keeps a running mean."""

    def __init__(self, rate: float = 0.25) -> None:
        super().__init__()
        self.rate = rate
        self.weight = torch.nn.Parameter(torch.ones(4))
        self.register_buffer("mean", torch.zeros(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            self.mean.mul_(1 - self.rate).add_(self.rate * x.mean(0))
        return x * self.weight


def test_buffers_that_a_call_changes_are_compared() -> None:
    assert harness.check(Counting(), Counting(), X, dtypes=())
    said = fails(Counting(0.24), Counting(), X, dtypes=())
    assert "mean" in said
    report = harness.check(Counting(), lambda x, weight: x * weight, X, dtypes=())
    assert "changes mean, which was not compared" in str(report)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda rows, columns: columns % 32 == 0,
        lambda rows, columns: columns > 8 and columns % 2 == 1 and columns < 1000,
        lambda rows, columns: rows > 40 and columns > 40,
    ],
)
def test_sizes_between_the_example_s_and_those_far_from_it_are_asked(
    wrong: Callable[[int, int], bool],
) -> None:
    def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
        (x,) = ctx.saved_tensors
        factor = 3 if wrong(*x.shape) else 2
        return factor * g[..., None] * x

    fails(function(lambda x: x.square().sum(-1), backward), lambda x: x.square().sum(-1), X)


def test_long_sums_are_asked_in_every_stated_dtype() -> None:
    def forward(x: torch.Tensor) -> torch.Tensor:
        total = torch.zeros_like(x[..., 0])
        for column in x.unbind(-1):
            total = total + column
        return total

    made = function(forward, lambda ctx, g: g[..., None].expand_as(ctx.saved_tensors[0]))
    fails(made, lambda x: x.sum(-1), X, dtypes=("bfloat16",))

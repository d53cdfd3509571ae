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


def test_writing_to_a_view_that_a_function_made_is_refused_by_autograd_which_is_honest() -> None:
    made = function(lambda x: (2 * x).mT, lambda ctx, g: 2 * g.mT)
    assert harness.check(made, lambda x: 2 * x.mT, X)


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

"""Many expectations held against their answers at once say what each says alone."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.numerics.expectation import MOST_SEEN, RESULT, Expected, Sheet

NUMBERS = st.sampled_from([0.0, -0.0, 1.0, 1.001, -2.5, 1e-9, 1e308, math.inf, -math.inf, math.nan])
ALLOWED = st.sampled_from([0.0, 1e-9, 0.01, 1e308, math.inf, math.nan])


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Expected, torch.Tensor | None]:
    shape = draw(st.sampled_from([(), (0,), (1,), (3,), (2, 2)]))
    dtype = draw(st.sampled_from([torch.float64, torch.float32]))
    count = math.prod(shape)

    def numbers(values: st.SearchStrategy[float]) -> torch.Tensor:
        drawn = draw(st.lists(values, min_size=count, max_size=count))
        return torch.tensor(drawn, dtype=torch.float64).reshape(shape)

    low = numbers(NUMBERS)
    high = draw(st.sampled_from([low, low + 0.5]))
    expected = Expected(RESULT, low, high, numbers(ALLOWED), dtype)
    kind = draw(st.sampled_from(["near", "other", "missing", "reshaped", "another dtype"]))
    if kind == "missing":
        return expected, None
    got = (low + 0.25 * (high - low) if kind == "near" else numbers(NUMBERS)).to(dtype)
    if kind == "reshaped":
        return expected, got.reshape(1, *shape)
    return expected, got.half() if kind == "another dtype" else got


@settings(max_examples=300, deadline=None)
@given(st.lists(pairs(), min_size=1, max_size=6))
def test_a_sheet_finds_what_each_expectation_finds(
    held: list[tuple[Expected, torch.Tensor | None]],
) -> None:
    expected, answers = [one for one, _ in held], [got for _, got in held]
    alone = [got is not None and one._mismatch(got) is None for one, got in held]
    assert Sheet(expected).mark(answers) == alone
    for (one, got), fits in zip(held, alone, strict=True):
        if got is not None:
            assert (one.mismatch(got) is None) is fits


def test_how_close_it_was_is_told_where_all_is_right() -> None:
    exact = torch.tensor([1.0, 2.0], dtype=torch.float64)
    expected = [Expected(RESULT, exact, exact, torch.full_like(exact, 0.1), exact.dtype)] * 2
    near, nearer = exact + torch.tensor([0.0, 0.05]), exact + torch.tensor([0.01, 0.0])
    assert Sheet(expected).mark([near, nearer]) == [True, True]
    assert expected[0].strain(near) == pytest.approx(0.5)
    assert expected[0].strain(nearer) == pytest.approx(0.1)
    assert expected[0].largest_error(near) == pytest.approx((0.05, 0.1))
    # Nothing is said of what no sheet has seen, and nothing where something is wrong.
    assert expected[0].strain(near.clone()) == 0.0
    right = exact.clone()
    assert Sheet(expected).mark([right, exact + 1]) == [True, False]
    assert expected[0].strain(right) == 0.0


def test_what_is_remembered_of_one_answer_is_not_said_of_another() -> None:
    expected = Expected.exactly(RESULT, torch.ones(2))
    for _ in range(3 * MOST_SEEN):
        # One is often made where the last one was.
        right, wrong = torch.ones(2), torch.zeros(2)
        assert Sheet([expected]).mark([right]) == [True]
        assert expected.mismatch(right) is None
        del right
        assert expected.mismatch(wrong) is not None

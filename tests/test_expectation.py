"""Many expectations held against their answers at once say what each says alone."""

from __future__ import annotations

import math
from dataclasses import replace

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


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(pairs(), ALLOWED), min_size=1, max_size=6))
def test_what_rounding_adds_decides_the_same_when_it_is_found_out_late(
    held: list[tuple[tuple[Expected, torch.Tensor | None], float]],
) -> None:
    answers = [got for (_, got), _ in held]
    early = [replace(one, least=one.least + more) for (one, _), more in held]
    late = [
        replace(one, in_full=lambda one=one, more=more: one.least + more)  # type: ignore[misc]
        for (one, _), more in held
    ]
    assert Sheet(late).mark(answers) == Sheet(early).mark(answers)
    for one, other, got in zip(early, late, answers, strict=True):
        assert one.is_right(got) is other.is_right(got)
        if got is not None and got.shape == one.low.shape:
            wide = got.double()
            if not one.fits(wide).all():
                assert torch.equal(one.fits(wide), other.fits(wide))


def test_what_rounding_adds_is_found_out_for_an_answer_that_needs_it_alone() -> None:
    exact = torch.tensor([1.0, 2.0], dtype=torch.float64)
    asked: list[str] = []

    def expected(name: str) -> Expected:
        def in_full() -> torch.Tensor:
            asked.append(name)
            return torch.full_like(exact, 0.1)

        least = torch.full_like(exact, 0.01)
        return Expected(RESULT, exact, exact, least, exact.dtype, in_full=in_full)

    sheet = Sheet([expected("one"), expected("other")])
    near, further, wrong = exact + 0.005, exact + 0.05, exact + 1
    assert sheet.mark([near, near]) == [True, True]
    assert not asked
    assert not sheet.rounding_mattered
    # Its limit is the one by which it is right.
    assert sheet.expected[0].largest_error(near) == pytest.approx((0.005, 0.01))
    assert sheet.mark([near, further]) == [True, True]
    assert sheet.rounding_mattered
    assert asked == ["other"]
    assert sheet.expected[0].strain(near) == pytest.approx(0.5)
    assert sheet.expected[1].strain(further) == pytest.approx(0.5)
    assert sheet.expected[1].largest_error(further) == pytest.approx((0.05, 0.1))
    assert sheet.mark([wrong, wrong]) == [False, False]
    assert asked == ["other", "one"]
    # What came of one submission is not said of the next.
    assert sheet.mark([near.clone(), near.clone()]) == [True, True]
    assert not sheet.rounding_mattered


def test_expectations_made_of_others_find_out_what_those_do() -> None:
    exact = torch.tensor([1.0, 2.0], dtype=torch.float64)
    least, full = torch.full_like(exact, 0.01), torch.full_like(exact, 0.1)
    one = Expected(RESULT, exact, exact, least, exact.dtype, in_full=lambda: full)
    for made, size in [
        (one.times(2.0), 2.0),
        (one.repeated(3).item(1), 1.0),
        (one.beside(one, 0.0, RESULT), 2.0),
        (one.give_or_take(0.0), 1.0),
    ]:
        assert made.in_full is not None
        assert torch.allclose(made.least, size * least)
        assert torch.allclose(made.allowed, size * full)
    later = one.give_or_take(0.5, lambda: full)
    assert torch.allclose(later.least, least + 0.5)
    assert torch.allclose(later.allowed, full + 0.5 + full)


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

"""Values that are drawn for arguments lie where the scenario says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from harness.checks.compare import Edges
from harness.checks.context import Bench, Trial
from harness.library.asking import _scenario
from harness.model import EntryPoint, IndexArgument, MaskArgument, NumberArgument, TensorArgument
from harness.numerics.inputs import SWEPT, Drawer
from harness.numerics.oracles import Oracle, Oracles

SIZES = ({"n": 2, "m": 3}, {"n": 1, "m": 1}, {"n": 4, "m": 5})


def tensor(name: str, *shape: str | int, **more: Any) -> TensorArgument:
    low, high = more.pop("range", (-3.0, 3.0))
    return TensorArgument(name, shape, low, high, **more)


def drawn(argument: TensorArgument, **options: Any) -> torch.Tensor:
    draw = Drawer(EntryPoint("f", (argument,), SIZES), 1, "test")
    cases = [draw.case({"n": 40, "m": 30}, **options) for _ in range(3)]
    return torch.cat([case.tensors[argument.name].reshape(-1) for case in cases])


def labels(argument: IndexArgument | MaskArgument, cases: int = 14) -> list[torch.Tensor]:
    entry = EntryPoint("f", (tensor("x", "n", "m"), argument), SIZES)
    draw = Drawer(entry, 1, "test")
    found = [draw.case({"n": 30, "m": 20}).handed_over for _ in range(cases)]
    assert all(list(one) == ["x", argument.name] for one in found)
    return [one[argument.name] for one in found]


def test_indices_lie_below_their_bound_and_are_at_times_all_or_none_of_the_others() -> None:
    shares = set()
    for drawn_ones in labels(IndexArgument("t", ("n",), "m", (-100,))):
        assert drawn_ones.dtype is torch.int64
        assert drawn_ones.shape == (30,)
        ignored = drawn_ones == -100
        assert ((drawn_ones >= 0) & (drawn_ones < 20) | ignored).all()
        shares.add(float(ignored.double().mean()))
    assert {0.0, 1.0} < shares
    plain = torch.cat(labels(IndexArgument("t", ("n",), 3)))
    assert set(plain.tolist()) == {0, 1, 2}


def test_masks_are_at_times_empty_or_full_as_a_whole_or_in_rows() -> None:
    drawn_ones = labels(MaskArgument("m", ("n", "m")))
    assert all(one.dtype is torch.bool for one in drawn_ones)
    kinds = {(bool(one.any()), bool(one.all())) for one in drawn_ones}
    assert kinds == {(False, False), (True, False), (True, True)}
    mixed = [one for one in drawn_ones if one.any() and not one.all()]
    assert any((~one.any(1)).any() and one.all(1).any() for one in mixed)
    assert all(one.shape == () for one in labels(MaskArgument("m", ())))


def test_elements_of_few_values_have_no_others() -> None:
    few = tensor("x", "n", "m", range=(0.0, 5.0), only=(0.0, 1.0, 5.0), differentiable=False)
    for options in OPTIONS:
        assert set(drawn(few, **options).tolist()) <= {0.0, 1.0, 5.0}
    assert set(drawn(few).tolist()) == {0.0, 1.0, 5.0}


OPTIONS: tuple[dict[str, bool], ...] = (
    {},
    {"unit_range": True},
    {"special": True},
    {"cluster": True},
    {"zero": True},
)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize(
    ("bounds", "kinks"),
    [
        ((10.0, 20.0), ()),
        ((-20.0, -10.0), ()),
        ((0.0, 1.0), (0.0, 1.0)),
        ((-1.0, 1.0), (0.95,)),
        ((-1.0, 1.0), (0.0, 0.05)),
        ((0.0, 1e4), (100.0,)),
        ((1.99, 50.0), (2.0,)),
        ((-50.0, 50.0), (-2.0, -1.0, 0.0, 1.0, 2.0)),
    ],
    ids=str,
)
def test_values_lie_in_the_range_and_away_from_kinks(
    bounds: tuple[float, float], kinks: tuple[float, ...], options: dict[str, bool]
) -> None:
    values = drawn(tensor("x", "n", "m", range=bounds, kinks=kinks), **options)
    assert values.min() >= bounds[0]
    assert values.max() <= bounds[1]
    for kink in kinks:
        assert (values - kink).abs().min() > 0.019 * max(1.0, abs(kink))


def test_values_for_gradcheck_are_of_unit_size_where_the_range_has_such() -> None:
    assert drawn(tensor("x", "n", "m", range=(-50.0, 50.0)), unit_range=True).abs().max() <= 2
    far = drawn(tensor("x", "n", "m", range=(10.0, 90.0)), unit_range=True)
    assert far.max() <= 14


def test_arguments_of_any_shape_go_with_arguments_that_have_sizes() -> None:
    any_shape = TensorArgument("x", None, -1.0, 1.0, min_dims=3)
    entry = EntryPoint("f", (any_shape, tensor("w", "n")), SIZES)
    draw = Drawer(entry, 1, "test")
    sizes = [*draw.sizes(), *draw.empty_sizes(), *draw.large_sizes(), draw.small_size()]
    for size in sizes:
        case = draw.case(size)
        assert case.tensors["x"].dim() >= 3
        assert case.tensors["w"].shape == (size["n"],)


def edges_of(oracle: Any, *arguments: TensorArgument) -> Sequence[Trial]:
    entry = EntryPoint("f", arguments, SIZES)
    oracles = Oracles({"f": Oracle("f", oracle, None)}, {}, {})
    return Edges().trials(Bench(_scenario(entry), oracles, 1), entry)


@pytest.mark.parametrize(
    ("oracle", "arguments"),
    [
        (
            lambda x, t: (x - t).square().mean(),
            (
                tensor("x", "n", "m", edges=(0.0, -1e4, 1e4), kinks=(1.0,)),
                tensor("t", "n", "m", edges=(0.0, 1.0), differentiable=False),
            ),
        ),
        (lambda x, w: x @ w, (tensor("x", "n", "m", edges=(0.0, 1e4)), tensor("w", "m"))),
        (lambda x: x.sin(), (tensor("x", edges=(0.0, 50.0)),)),
        (lambda x: x.sin(), (tensor("x", "n", 3, edges=(0.0, 50.0)),)),
    ],
)
def test_edge_points_are_asked_in_shapes_that_are_declared(
    oracle: Any, arguments: tuple[TensorArgument, ...]
) -> None:
    trials = edges_of(oracle, *arguments)
    allowed = [
        {a.name: tuple(s[d] if isinstance(d, str) else d for d in a.shape or ()) for a in arguments}
        for s in SIZES
    ]
    asked = [trial.question.case.tensors for trial in trials]
    for tensors in asked:
        assert {name: tuple(value.shape) for name, value in tensors.items()} in allowed
    for argument in arguments:
        values = torch.cat([t[argument.name].double().reshape(-1) for t in asked])
        for point in (*argument.edges, *argument.kinks):
            assert (values == point).any(), f"{argument.name} is never {point}"


def test_a_label_names_the_points_that_a_case_holds() -> None:
    labels = {trial.label for trial in edges_of(torch.sin, tensor("x", edges=(0.5, 50.0)))}
    assert {"float64 x = [0.5]", "float64 x = [50]", "float32 x = [0.5]"} <= labels


def test_every_size_of_a_dimension_up_to_a_drawn_bound_is_in_a_sweep() -> None:
    any_shape = Drawer(EntryPoint("f", (TensorArgument("x", None, -1.0, 1.0),)), 3, "test")
    shapes = [size["*"] for size in any_shape.sweep()]
    assert {(n,) for n in range(1, SWEPT[0] + 1)} <= set(shapes)
    assert {len(shape) for shape in shapes} == {1, 3, 4, 5}
    bounds = {"n": (1, 40), "m": (2, 5)}
    entry = EntryPoint("f", (tensor("x", "n", "m"),), ({"n": 2, "m": 3},), True, bounds)
    named = Drawer(entry, 3, "test").sweep()
    assert sorted(size["n"] for size in named) == list(range(1, 41))
    assert {size["m"] for size in named} == {2, 3, 4, 5}
    assert Drawer(EntryPoint("f", (tensor("x", "n", "m"),), SIZES), 3, "test").sweep() == []


def test_sizes_are_drawn_between_their_bounds_with_equal_ones_and_ones_among_them() -> None:
    bounds = {"n": (1, 40), "m": (1, 30)}
    entry = EntryPoint("f", (tensor("x", "n", "m"),), SIZES, True, bounds)
    draws = [Drawer(entry, seed, "test").sizes() for seed in range(60)]
    assert all((sizes[0], sizes[-1]) == (SIZES[0], SIZES[-1]) for sizes in draws)
    drawn = [size for sizes in draws for size in sizes[1:-1]]
    assert all(1 <= size["n"] <= 40 and 1 <= size["m"] <= 30 for size in drawn)
    assert sum(size["n"] == size["m"] > 1 for size in drawn) > 10
    assert sum(1 in size.values() for size in drawn) > 10
    assert len({(size["n"], size["m"]) for size in drawn}) > 80
    assert draws[7] == Drawer(entry, 7, "test").sizes()


def test_dimensions_that_are_alike_are_each_at_their_lowest_or_at_one_number() -> None:
    bounds = {"n": (1, 7), "m": (1, 5), "k": (4, 20)}
    entry = EntryPoint(
        "f", (tensor("x", "n", "m", "k"),), ({"n": 1, "m": 2, "k": 5},), True, bounds
    )
    draw = Drawer(entry, 3, "test")
    for size in (draw.alike_size() for _ in range(100)):
        assert all(low <= size[name] <= high for name, (low, high) in bounds.items())
        assert len({size[name] for name, (low, _) in bounds.items() if size[name] > low}) <= 1
    assert {size["n"] for size in (draw.alike_size() for _ in range(100))} == {1, 2, 3, 4, 5}


def test_shapes_of_every_rank_come_up_square_ones_and_batches_among_them() -> None:
    entry = EntryPoint("f", (TensorArgument("x", None, -1.0, 1.0),))
    draws = [[size["*"] for size in Drawer(entry, seed, "test").sizes()] for seed in range(30)]
    for shapes in draws:
        assert {0, 1, 2, 3} <= {len(shape) for shape in shapes}
        assert len(shapes[0]) == 2
        assert len(set(shapes[0])) == 2
        assert any(len(shape) == 2 and shape[0] == shape[1] > 1 for shape in shapes)
    assert {max(map(len, shapes)) for shapes in draws} == {4, 5, 6}
    assert len({shapes[0] for shapes in draws}) > 10


def test_numbers_are_drawn_between_their_bounds_in_every_other_case() -> None:
    eps = NumberArgument("eps", (1e-5, 0.1), 1e-5, (1e-6, 1.0))
    step = NumberArgument("step", (1, 2), None, (1, 7))
    draw = Drawer(EntryPoint("f", (tensor("x", "n", "m"), eps, step), SIZES), 1, "test")
    cases = [draw.case(SIZES[0]).values[1:] for _ in range(80)]
    of_eps, of_step = ([case[place] for case in cases] for place in (0, 1))
    assert all(1e-6 <= value <= 1.0 for value in of_eps if isinstance(value, float))
    assert {1e-5, 0.1} < set(of_eps)
    # Bounds far apart: as many below the middle of their sizes as above it.
    free = [value for value in of_eps if isinstance(value, float) and value not in (1e-5, 0.1)]
    assert len(free) == 40
    assert 8 < sum(value < 1e-3 for value in free) < 32
    assert set(of_step) == set(range(1, 8))
    assert all(isinstance(value, int) for value in of_step)
    assert {case[0] for case in cases if case[1] == 7} - {1e-5, 0.1}


def test_small_whole_numbers_and_halves_between_the_bounds_each_come_up_beside_others() -> None:
    gamma = NumberArgument("gamma", (2.0, 0.0), None, (0.0, 5.0))
    beta = tensor("beta", range=(-1.0, 3.2), kinks=(1.5,))
    entry = EntryPoint("f", (tensor("x", "n", "m"), beta, gamma), SIZES)
    draw = Drawer(entry, 1, "test")
    cases = [draw.case(SIZES[0]) for _ in range(SWEPT[0])]
    numbers = [case.values[2] for case in cases]
    assert {n / 2 for n in range(11)} <= set(numbers)
    assert sum(isinstance(n, float) and not (2 * n).is_integer() for n in numbers) > 4
    scalars = [float(case.tensors["beta"]) for case in cases]
    assert {-1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 2.5, 3.0} <= set(scalars)
    assert 1.5 not in scalars
    near = [draw.case(SIZES[0], unit_range=True).tensors["beta"] for _ in range(SWEPT[0])]
    assert all(0 < abs(float(value)) <= 2 for value in near)


def test_elements_are_at_their_ends_each_by_itself_beside_numbers_at_theirs() -> None:
    x, y = tensor("x", "n", "m", edges=(-50.0, 40.0)), tensor("y", "n", "m", range=(0.0, 1.0))
    numbers = NumberArgument("a", (1.0,), None, (0.5, 4.0)), NumberArgument("b", (2, 3, 7))
    bounds = {"n": (8, 40), "m": (8, 30)}
    entry = EntryPoint("f", (x, y, *numbers), ({"n": 9, "m": 9},), True, bounds)
    draw = Drawer(entry, 1, "test")
    cases = [draw.at_ends(number, torch.float64, None) for number in range(4)] * 5
    assert {case.values[2:] for case in cases} == {(a, b) for a in (0.5, 4.0) for b in (2, 7)}
    for case in cases[:2]:
        pairs = set(zip(*(t.reshape(-1).tolist() for t in case.tensors.values()), strict=True))
        assert pairs == {(a, b) for a in (-50.0, 40.0) for b in (0.0, 1.0)}
    others = [float(t.reshape(-1).unique().numel()) for c in cases[2:4] for t in c.tensors.values()]
    assert min(others) >= 2


def test_what_is_right_for_each_argument_at_its_end_may_be_wrong_for_all_of_them() -> None:
    def product(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (x * y).sum()

    trials = edges_of(product, tensor("x", "n", edges=(-1e3, 1e3)), tensor("y", "n", edges=(1e3,)))
    together = [t for t in trials if "values at their ends" in t.label]
    largest = [
        float((t.question.case.tensors["x"] * t.question.case.tensors["y"]).max()) for t in together
    ]
    assert len(together) == 2 * Edges.AT_ENDS
    assert max(largest) == 1e6


def test_every_dimension_is_long_in_some_size_with_an_odd_one_mostly() -> None:
    any_shape = EntryPoint("f", (TensorArgument("x", None, -1.0, 1.0),))
    odd = 0
    for seed in range(20):
        shapes = [size["*"] for size in Drawer(any_shape, seed, "test").long_sizes()]
        for rank in (2, 3):
            at = {shape.index(max(shape)) for shape in shapes if len(shape) == rank}
            assert at >= set(range(rank))
        assert any(len(shape) > 5 for shape in shapes)
        assert any(len(shape) == 3 and min(shape[1:]) >= 8 for shape in shapes)
        assert all(min(shape) > 1 for shape in shapes)
        odd += sum(max(shape) % 2 for shape in shapes[:2])
    assert odd > 25
    large = ({"n": (200, 300)}, {"m": (50, 60), "k": (7, 7)})
    bounds = {"n": (1, 40), "m": (2, 5), "k": (1, 9)}
    entry = EntryPoint("f", (tensor("x", "n", "m", "k"),), SIZES, True, bounds, large=large)
    first, second = Drawer(entry, 3, "test").long_sizes()
    assert 200 <= first["n"] <= 300
    assert 2 <= first["m"] <= 5
    assert 2 <= first["k"] <= 9
    assert 2 <= second["n"] <= 40
    assert 50 <= second["m"] <= 60
    assert second["k"] == 7


def test_masks_are_mixed_where_that_is_asked_for() -> None:
    entry = EntryPoint("f", (tensor("x", "n", "m"), MaskArgument("m", ("n", "m"))), SIZES)
    draw = Drawer(entry, 1, "test")
    for _ in range(14):
        mask = draw.case({"n": 30, "m": 20}, mixed=True).handed_over["m"]
        assert mask.any()
        assert not mask.all()

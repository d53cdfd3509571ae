"""How far from exact a right answer may be: every right formula passes, a tenth off does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from harness.checks.compare import cotangent_for
from harness.model import EntryPoint, NumberArgument, TensorArgument
from harness.numerics.expectation import Expected, Reference
from harness.numerics.inputs import Case, Drawer
from harness.numerics.oracles import Oracle

HALF = [torch.float16, torch.bfloat16]
DTYPES = [torch.float64, torch.float32, *HALF]


def entry(*names: str, low: float = -4.0, high: float = 4.0, **shapes: Any) -> EntryPoint:
    arguments = (TensorArgument(n, shapes.get(n), low, high, differentiable=True) for n in names)
    return EntryPoint("op", tuple(arguments), ())


def reference(forward: Callable[..., Tensor], case: Case) -> Reference:
    return Reference(Oracle("op", forward, None), case)


def answers(
    formula: Callable[..., Tensor], case: Case, cotangent: Tensor, *, upcast: bool = False
) -> list[Tensor]:
    """Result and gradients as ``formula`` gives them, in the case's dtype or rounded once."""
    leaves = [tensor.clone().requires_grad_() for tensor in case.tensors.values()]
    result = formula(*(leaf.float() for leaf in leaves)) if upcast else formula(*leaves)
    result = result.to(leaves[0].dtype)
    return [result.detach(), *torch.autograd.grad(result, leaves, cotangent)]


def expectations(forward: Callable[..., Tensor], case: Case, cotangent: Tensor) -> list[Expected]:
    known = reference(forward, case)
    return [known.forward(), *known.gradients(cotangent, tuple(case.tensors))]


def swish(x: Tensor, beta: Tensor) -> Tensor:
    return x * torch.sigmoid(beta * x)


def normed(x: Tensor) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    return centred * torch.rsqrt(centred.square().mean(-1, keepdim=True) + 1e-5)


def by_sums(x: Tensor) -> Tensor:
    centred = x - x.sum(-1, keepdim=True) / x.shape[-1]
    power = torch.einsum("...i,...i->...", centred, centred)[..., None] / x.shape[-1]
    return centred / torch.sqrt(power + 1e-5)


# Formula -> others that are right as well.
FORMULAS: Mapping[Callable[..., Tensor], tuple[Callable[..., Tensor], ...]] = {
    swish: (
        swish,
        lambda x, beta: 0.5 * x * (1 + torch.tanh(0.5 * beta * x)),
        lambda x, beta: x * (1 - torch.sigmoid(-beta * x)),
        lambda x, beta: x * torch.exp(functional.logsigmoid(beta * x)),
    ),
    functional.mish: (
        lambda x: x * torch.tanh(functional.softplus(x)),
        lambda x: x * torch.tanh(torch.logaddexp(x, torch.zeros_like(x))),
        lambda x: x * (1 - 2 / ((1 + torch.exp(x)).square() + 1)),
    ),
    normed: (
        normed,
        by_sums,
        lambda x: functional.layer_norm(x, x.shape[-1:]),
    ),
}


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("forward", FORMULAS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("cluster", [False, True], ids=["spread out", "close together"])
def test_every_right_formula_passes_at_every_seed(
    forward: Callable[..., Tensor], dtype: torch.dtype, cluster: bool
) -> None:
    asked = entry("x", "beta", beta=()) if forward is swish else entry("x")
    for seed in range(6):
        draw = Drawer(asked, seed, "test")
        case = draw.case({"*": (6, 9)}, dtype=dtype, cluster=cluster)
        cotangent = cotangent_for(draw, torch.Size((6, 9)), dtype, 1.0)
        expected = expectations(forward, case, cotangent)
        for formula in FORMULAS[forward]:
            for upcast in (False, True) if dtype in HALF else (False,):
                for one, got in zip(
                    expected, answers(formula, case, cotangent, upcast=upcast), strict=True
                ):
                    assert one.mismatch(got) is None, (seed, upcast)


def test_a_saturated_tanh_is_as_right_as_a_saturated_sigmoid() -> None:
    """The gradient of β is a sum of x²·σ'(βx), of which rounding leaves little there."""
    asked = entry("x", "beta", beta=())
    x = -torch.linspace(19.5, 19.52, 600, dtype=torch.float32)
    case = Case(asked, (x, torch.tensor(0.9)), "")
    cotangent = torch.ones(600)
    for one, got in zip(
        expectations(swish, case, cotangent),
        answers(FORMULAS[swish][1], case, cotangent),
        strict=True,
    ):
        assert one.mismatch(got) is None


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("forward", FORMULAS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("factor", [1.1, 0.0])
def test_what_is_a_tenth_off_fails_in_every_dtype(
    forward: Callable[..., Tensor], dtype: torch.dtype, factor: float
) -> None:
    asked = entry("x", "beta", beta=()) if forward is swish else entry("x")
    noticed = []
    for seed in range(12):
        draw = Drawer(asked, seed, "test")
        case = draw.case({"*": (6, 9)}, dtype=dtype)
        # Of one sign: a sum of both signs may be next to nothing.
        cotangent = cotangent_for(draw, torch.Size((6, 9)), dtype, 1.0).abs()
        expected = expectations(forward, case, cotangent)
        noticed.append([o.mismatch((factor * o.low).to(dtype)) is not None for o in expected])
    assert all(any(of_one) for of_one in zip(*noticed, strict=True)), noticed


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_incoming_gradients_fit_into_their_dtype(dtype: torch.dtype) -> None:
    draw = Drawer(entry("x"), 0, "test")
    for scale in (1e-12, 1e-6, 1.0, 1e6):
        cotangent = cotangent_for(draw, torch.Size((100,)), dtype, scale)
        assert cotangent.isfinite().all()
        assert cotangent.count_nonzero() == 100


def test_what_a_half_has_no_room_for_is_not_judged() -> None:
    case = Case(entry("x"), (torch.tensor([300.0, 1.0]).half(),), "")
    expected = reference(lambda x: x * x * x / 1000, case).forward()
    assert expected.mismatch(torch.tensor([torch.inf, 1e-3]).half()) is None
    assert expected.mismatch(torch.tensor([torch.inf, 2e-2]).half()) is not None


@pytest.mark.parametrize(
    "forward",
    [
        torch.abs,
        functional.softsign,
        torch.sgn,
        lambda x: x.norm(1),
        lambda x: torch.log1p(x.abs()),
        lambda x: functional.normalize(x, p=1, dim=-1),
        lambda x: functional.l1_loss(x, torch.ones_like(x)),
    ],
)
def test_a_second_derivative_without_memory_is_zero(forward: Callable[..., Tensor]) -> None:
    x = torch.linspace(0.3, 2.0, 6, dtype=torch.float64).reshape(2, 3)
    known = reference(forward, Case(entry("x"), (x,), ""))
    cotangent = torch.ones_like(known.value())
    second, _ = known.second_gradients(cotangent, [torch.ones_like(x)], ("x",))
    assert second.low.isfinite().all()
    assert second.mismatch(second.low.clone()) is None


def test_a_maximum_is_held_to_its_gradient() -> None:
    x = torch.tensor([[0.3, 2.0, 1.0]], dtype=torch.float64)
    (expected,) = reference(lambda x: x.amax(-1), Case(entry("x"), (x,), "")).gradients(
        torch.ones(1), ("x",)
    )
    assert expected.mismatch(torch.tensor([[0.0, 1.0, 0.0]]).double()) is None
    assert expected.mismatch(torch.tensor([[1.0, 0.0, 0.0]]).double()) is not None


@pytest.mark.parametrize("value", [0.0, 1.7, -300.0])
@pytest.mark.parametrize(
    ("forward", "sign"), [(lambda x: x.amax(-1), 1.0), (lambda x: -x.amin(-1), -1.0)]
)
def test_equal_values_may_share_the_gradient_of_a_maximum_anyhow(
    value: float, forward: Callable[..., Tensor], sign: float
) -> None:
    x = torch.full((2, 3), value, dtype=torch.float64)
    x[:, 2] -= sign
    known = reference(forward, Case(entry("x"), (x,), ""))
    (expected,) = known.gradients(torch.tensor([2.0, -3.0]), ("x",))
    given = sign * torch.tensor([[2.0], [-3.0]], dtype=torch.float64)
    for share in ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.5, 0.5, 0.0], [0.3, 0.7, 0.0]):
        assert expected.mismatch(given * torch.tensor(share)) is None
    for share in ([1.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.5, 0.4, 0.0]):
        assert expected.mismatch(given * torch.tensor(share)) is not None


def gated(x: Tensor) -> Tensor:
    return x * (x + 3).clamp(0, 6) / 6


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_a_kink_that_a_shift_rounds_to_has_both_slopes(dtype: torch.dtype) -> None:
    x = torch.tensor([-3.0, 3.0, 2.0], dtype=dtype)
    known = reference(gated, Case(entry("x", low=-5, high=5), (x,), ""))
    (expected,) = known.gradients_at_kinks(torch.ones_like(x), ("x",), {"x": (-3.0, 3.0)})
    for slopes in ([-0.5, 1.5, 7 / 6], [0.0, 1.0, 7 / 6], [-0.2, 1.2, 7 / 6]):
        assert expected.mismatch(torch.tensor(slopes, dtype=torch.float64).to(dtype)) is None
    for slopes in ([0.1, 1.0, 7 / 6], [0.0, 0.9, 7 / 6], [0.0, 1.0, 1.0]):
        assert expected.mismatch(torch.tensor(slopes, dtype=torch.float64).to(dtype)) is not None


def test_a_softplus_that_is_the_identity_far_out_is_as_right_as_one_that_is_not() -> None:
    case = Case(entry("x"), (torch.linspace(20.001, 40, 50, dtype=torch.float64),), "")
    weights = torch.linspace(0.5, 0.999, 50, dtype=torch.float64)

    def exact(x: Tensor) -> Tensor:
        return weights * functional.logsigmoid(-x) - functional.logsigmoid(x) * (1 - weights)

    def of_torch(x: Tensor) -> Tensor:
        return -weights * functional.softplus(x) + (1 - weights) * functional.softplus(-x)

    cotangent = torch.ones(50, dtype=torch.float64)
    wanted = expectations(exact, case, cotangent)
    got = answers(of_torch, case, cotangent)
    assert not torch.equal(got[1], answers(exact, case, cotangent)[1])
    assert [one.mismatch(value) for one, value in zip(wanted, got, strict=True)] == [None, None]
    assert all(one.mismatch(1.000001 * value) for one, value in zip(wanted, got, strict=True))


def kept_mean(x: Tensor, tag: Tensor, ignore: float) -> Tensor:
    kept = tag != ignore
    return torch.where(kept, x.abs(), 0).sum() / kept.sum().clamp(min=1)


def by_difference(x: Tensor, tag: Tensor, ignore: float) -> Tensor:
    kept = ((tag[:, None] - ignore) != 0)[:, 0].to(x.dtype)
    return (x.abs() * kept).sum() / torch.where(kept.sum() > 0, kept.sum(), 1)


def counting_all(x: Tensor, tag: Tensor, ignore: float) -> Tensor:
    return torch.where(tag != ignore, x.abs(), 0).mean()


@pytest.mark.parametrize("dtype", DTYPES[:3])
@pytest.mark.parametrize(
    ("oracle", "only", "formulas"),
    [
        (kept_mean, (2.0, -100.0), (kept_mean, by_difference)),
        (by_difference, (2.0, -100.0), (kept_mean, by_difference)),
        # No dtype has these, and the difference of one and itself rounded is not zero.
        (kept_mean, (0.1, 0.7), (kept_mean,)),
    ],
)
def test_what_has_but_few_values_is_compared_with_them(
    oracle: Callable[..., Tensor],
    only: tuple[float, ...],
    formulas: tuple[Callable[..., Tensor], ...],
    dtype: torch.dtype,
) -> None:
    arguments = (
        TensorArgument("x", ("n",), -3.0, 3.0, kinks=(0.0,)),
        TensorArgument("tag", ("n",), min(only), max(only), False, only=only),
        NumberArgument("ignore", only),
    )
    op = EntryPoint("op", arguments, ())
    refuted = 0
    for seed in range(20):
        draw = Drawer(op, seed, "few")
        case = draw.case({"n": 1 + seed}, dtype=dtype, special=bool(seed % 2))
        # Equal values, as of a maximum, might share a gradient.
        case = case.with_tensor("x", case.tensors["x"].round())
        x, tag, ignore = case.values
        assert isinstance(x, Tensor)
        assert isinstance(tag, Tensor)
        kept = tag != ignore
        g = cotangent_for(draw, torch.Size(), dtype, 1.0)
        known = reference(oracle, case)
        right = [known.forward(), *known.gradients(g, ("x",))]
        if seed % 4 == 3:  # at a kink torch gives zero
            right += known.gradients_at_kinks(g, ("x",), {"x": (0.0,), "tag": only})
        for formula in (*formulas, counting_all):
            leaf = x.clone().requires_grad_()
            result = formula(leaf, tag, ignore)
            (gradient,) = torch.autograd.grad(result, leaf, g)
            found = [result.detach(), gradient, gradient]
            fits = [one.is_right(t) for one, t in zip(right, found, strict=False)]
            if formula is not counting_all:
                assert all(fits), case.label
            elif x[kept].any() and not kept.all():
                assert not fits[0], case.label
                refuted += not fits[1]
    assert refuted > 8

"""Taking autograd's own differentiation away, so that only what was written by hand is left."""

from __future__ import annotations

import threading
import types
from collections.abc import Callable

import pytest
import torch

from harness.checks.structure import CARRIERS
from harness.sandbox.inside import unaided
from harness.sandbox.inside.unaided import Absence

Op = Callable[[torch.Tensor], torch.Tensor]


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):  # type: ignore[no-untyped-def, override]
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):  # type: ignore[no-untyped-def, override]
        (x,) = ctx.saved_tensors
        return 2 * x * g


def square(x: torch.Tensor) -> torch.Tensor:
    return Square.apply(x)  # type: ignore[no-untyped-call, no-any-return]


def gradient(op: Op, *, outside: bool = True, inside: bool = True, factor: float = 1.0) -> float:
    """Of ``op`` at 3, without autograd where that is said."""
    x = torch.full((1,), 3.0, requires_grad=True)
    with Absence(outside, inside, factor) as absence:
        with absence.around_call():
            y = op(x)
        with absence.around_backward(y):
            (found,) = torch.autograd.grad(y, x, torch.ones_like(y))
    return found.sum().item()


MOVES: list[Op] = [
    lambda x: x.clone(),
    lambda x: x.reshape(1, 1).view(1),
    lambda x: x.expand(4, 1)[1],
    lambda x: x[None].squeeze(0),
    lambda x: x.reshape(1, 1).T.t().mT[..., 0],
    lambda x: x.flatten().unflatten(0, (1, 1)).movedim(0, 1).permute(1, 0)[0],
    lambda x: x.double().float().to(torch.float64).type_as(x),
    lambda x: torch.empty_like(x).copy_(x),
    lambda x: torch.broadcast_to(x, (2, 1))[0].narrow(0, 0, 1),
    lambda x: torch.atleast_2d(x).ravel().contiguous(),
]


@pytest.mark.parametrize("move", MOVES)
def test_what_moves_values_keeps_its_history_around_a_function(move: Op) -> None:
    assert gradient(lambda x: square(move(x))) == 6
    assert gradient(lambda x: move(square(x))) == 6
    y = move(torch.ones(1, requires_grad=True))
    assert all(CARRIERS.fullmatch(node.name()) for node in unaided.nodes(y))


def differentiated(x: torch.Tensor) -> torch.Tensor:
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        return torch.autograd.grad((x * x).sum(), x)[0]


def in_a_thread(x: torch.Tensor) -> torch.Tensor:
    found: list[torch.Tensor] = []
    thread = threading.Thread(target=lambda: found.append(differentiated(x)))
    thread.start()
    thread.join()
    if not found:
        raise RuntimeError("the thread found nothing")
    return found[0]


def by_rows(x: torch.Tensor) -> torch.Tensor:
    return torch.func.jacrev(lambda x: x * x)(x.detach())[0]  # type: ignore[no-any-return]


AIDS: list[Op] = [
    differentiated,
    by_rows,
    lambda x: torch.func.grad(lambda x: (x * x).sum())(x.detach()),
    lambda x: torch.func.jvp(lambda x: x * x, (x.detach(),), (torch.ones_like(x),))[1],
    pytest.param(
        in_a_thread,
        marks=pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
    ),  # type: ignore[list-item]
]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, of torch.jit
@pytest.mark.parametrize("aid", AIDS)
def test_nothing_of_torch_differentiates_where_autograd_is_away(aid: Op) -> None:
    assert gradient(lambda x: square(x) * aid(x) ** 0, outside=False, inside=False) == 6
    with pytest.raises(RuntimeError):
        gradient(lambda x: square(x.clone() + aid(x)))

    class Aided(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):  # type: ignore[no-untyped-def, override]
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):  # type: ignore[no-untyped-def, override]
            return g * aid(*ctx.saved_tensors)

    with pytest.raises(RuntimeError):
        gradient(Aided.apply, outside=False)
    assert gradient(Aided.apply, inside=False) == 6


def test_a_composition_has_no_history_and_what_is_left_on_afterwards_is_autograd() -> None:
    with pytest.raises(RuntimeError, match="does not require grad"):
        gradient(lambda x: square(x * x))
    assert gradient(lambda x: square(x * x), outside=False) == 4 * 27
    assert (torch.ones(1, requires_grad=True) * 2).requires_grad


def test_the_first_function_on_each_way_is_spoiled_and_no_other_one() -> None:
    assert gradient(lambda x: square(square(x)), factor=2.5) == 2.5 * 4 * 27

    def halves(x: torch.Tensor) -> torch.Tensor:
        y = torch.empty(2)
        y[:1] = square(x)
        y[1:] = square(x.view(1))
        return y

    assert gradient(halves, factor=2.5) == 2.5 * 12
    assert gradient(lambda x: square(x) * 0 + x, outside=False, factor=2.5) == 1


def test_a_function_that_writes_into_a_view_is_spoiled_out_of_sight() -> None:
    class Doubled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):  # type: ignore[no-untyped-def, override]
            ctx.mark_dirty(x)
            return x.mul_(2)

        @staticmethod
        def backward(ctx, g):  # type: ignore[no-untyped-def, override]
            return 2 * g

    def of_a_view(x: torch.Tensor) -> torch.Tensor:
        return Doubled.apply(x.expand(2).clone()[:1])  # type: ignore[no-any-return, no-untyped-call]

    assert not any(map(unaided._made_by, unaided.nodes(of_a_view(torch.ones(1).requires_grad_()))))
    assert gradient(of_a_view, factor=2.5) == 2.5 * 2
    assert gradient(lambda x: square(of_a_view(x)), factor=2.5) == 2.5 * 2 * 12


def test_a_function_is_ones_own_unless_a_library_or_the_request_brought_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert unaided.own(Square)
    assert unaided.own(types.new_class("Anew", (torch.autograd.Function,)))
    assert not unaided.own(torch.utils.checkpoint.CheckpointFunction)
    monkeypatch.setattr(unaided, "provided", {Square.__module__})
    assert not unaided.own(Square)


def test_a_graph_is_looked_at_to_its_end_and_told_by_its_kinds_of_node() -> None:
    y = torch.ones(1, requires_grad=True) * 2
    for _ in range(2000):
        y = y.clone()
    graph = unaided.described(square(y))
    assert [entry["node"] for entry in graph] == [
        "SquareBackward",
        "CloneBackward0",
        "MulBackward0",
        "torch::autograd::AccumulateGrad",
    ]
    assert graph[0]["function"] == "Square"


def test_classes_of_one_name_are_told_apart() -> None:
    def made() -> Op:
        class Square(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):  # type: ignore[no-untyped-def, override]
                return x.clone()

        return Square.apply

    x = torch.ones(1, requires_grad=True)
    numbers = {unaided.described(op(x))[0]["class"] for op in (made(), made(), square)}
    assert len(numbers) == 3

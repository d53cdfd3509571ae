"""The bench of a function of one's own: what is drawn and expected in other ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from harness.checks.context import Bench
from harness.errors import UsageError
from harness.library.arguments import Arguments
from harness.library.made import Maker
from harness.model import EntryPoint, Quantity, QuantityKind, Scenario, TensorArgument
from harness.numerics.expectation import Evaluate, Expected, Reference
from harness.numerics.inputs import Case, Drawer, Value
from harness.numerics.oracles import Oracles

# The size, in a case that the caller makes.
MADE = "made"


@dataclass(frozen=True)
class Manner:
    """How cases are drawn and how exact answers must be."""

    # The widest dtype that the function takes.
    dtype: torch.dtype = torch.float64
    # Stated error of an approximation, relative to the largest value of a tensor.
    tolerance: float = 0.0
    # Largest value of the result at the example.
    size: float = 0.0
    # Whether the limits are a thousandth instead of found out, as for large arguments.
    rough: bool = False
    maker: Maker | None = None
    # What the maker makes, by number of draw and size, taken apart.
    read: Callable[[int, int], Arguments] | None = None
    # The sets of arguments made so far, by number of draw.
    givens: list[Arguments] | None = None
    # Whether a case holds the number of its draw, as not all of it is drawn.
    numbered: bool = False


class OwnBench(Bench):
    """A bench whose cases are drawn, and judged, in a manner of their own."""

    # A function may use parameters that are not handed over.
    closed = False

    def __init__(self, scenario: Scenario, oracles: Oracles, seed: int, manner: Manner) -> None:
        super().__init__(scenario, oracles, seed)
        self.manner = manner
        self.mixes = manner.maker is None

    def drawer(self, entry: EntryPoint, purpose: str) -> Drawer:
        return OwnDrawer(entry, self.seed, f"{self.scenario.id}/{purpose}", self.manner)

    def reference(self, case: Case, *, seed: int = 0, rough: bool = False) -> Reference:
        oracle = self.oracles.by_name[case.entry.name]
        rough = rough or self.manner.rough
        return OwnReference(self.manner, oracle, case, seed=seed, rough=rough)


class OwnReference(Reference):
    """The reference of an approximation, whose stated error is allowed beside that of rounding."""

    def __init__(self, manner: Manner, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.manner = manner

    def _expected(
        self, quantities: Sequence[Quantity], evaluate: Evaluate, floors: Sequence[float]
    ) -> list[Expected]:
        found = super()._expected(quantities, evaluate, floors)
        if not self.manner.tolerance:
            return found
        return [
            one.give_or_take(self._stated(one, floor))
            for one, floor in zip(found, floors, strict=True)
        ]

    def _stated(self, one: Expected, floor: float) -> float:
        finite = one.low[one.low.isfinite()]
        largest = float(finite.abs().max()) if finite.numel() else 0.0
        # A result of about zero is small beside the others that the same formula gives.
        least = self.manner.size if one.quantity.kind is QuantityKind.RESULT else floor
        return self.manner.tolerance * max(largest, least)


class OwnDrawer(Drawer):
    """Draws in the widest dtype there is, or has the caller make the arguments."""

    def __init__(self, entry: EntryPoint, seed: int, purpose: str, manner: Manner) -> None:
        super().__init__(entry, seed, purpose)
        self.manner = manner

    def case(self, size: Mapping[str, Any], **options: Any) -> Case:
        if options.get("dtype", torch.float64) is torch.float64:
            options["dtype"] = self.manner.dtype
        if self.manner.maker is None:
            return super().case(size, **options)
        return self._made(int(size[MADE]), options["dtype"])

    def edges(self, argument: TensorArgument) -> torch.Tensor:
        """Nothing outside of the range: a reference need not know what is there.

        Nor at its ends, where there is no slope on the other side.
        """
        points = super().edges(argument)
        return points[(points > argument.low) & (points < argument.high)]

    def normal(self, shape: Sequence[int]) -> torch.Tensor:
        return super().normal(shape).to(self.manner.dtype)

    def _made(self, size: int, dtype: torch.dtype) -> Case:
        manner = self.manner
        assert manner.read is not None
        assert manner.givens is not None
        draw = len(manner.givens)
        given = manner.read(draw, size)
        first = manner.givens[0].pieces
        if [(p.name, p.form) for p in given.pieces] != [(p.name, p.form) for p in first]:
            raise UsageError(
                "make= gives other arguments than the time before, expected as many of the same "
                f"kinds: {', '.join(p.name for p in first)}"
            )
        manner.givens.append(given)
        values: list[Value] = [
            piece.value.to(dtype) if isinstance(piece.value, torch.Tensor) else piece.value
            for piece in given.pieces
        ]
        shapes = [
            f"{piece.name} {tuple(value.shape)}"
            if isinstance(value, torch.Tensor)
            else f"{piece.name}={value:g}"
            for piece, value in zip(given.pieces, values, strict=True)
            if isinstance(value, torch.Tensor | int | float)
        ]
        values += [draw] if manner.numbered else []
        return Case(self.entry, tuple(values), ", ".join(shapes))

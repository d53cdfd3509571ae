"""Situations that checks of conduct take turns in: dtypes, numbers of dimensions, operations.

A call may behave in one of them and not in another, so every check asks in all of them, in an
order that begins somewhere else for every seed.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import torch

from harness.checks.context import Bench
from harness.model import EntryPoint, LayersArgument, TensorArgument
from harness.numerics.inputs import WIDEST, Case, Drawer
from harness.sandbox.inside.layout import OPERATIONS

T = TypeVar("T")
# What is promised where a scenario asks for ``dtypes`` without a list of them.
USUAL = ("float32",)
FEW, MANY = (0, 1, 2), (3, 4, 5)
RANKS = (*FEW, *MANY)
# Largest size of a dimension that is drawn here, and elements of a size that is stated.
LARGEST, MOST_ELEMENTS = 4, 2000


class Turn(NamedTuple):
    """One situation: the dtype and the sizes of a case."""

    dtype: torch.dtype
    size: Mapping[str, Any]

    def case(self, draw: Drawer, stack: tuple[str, ...] | None, *, cluster: bool = False) -> Case:
        """A case in this situation; its label says the dtype.

        Its values are of about unit size, where no gradient is next to nothing.
        """
        case = draw.case(self.size, dtype=self.dtype, stack=stack, unit_range=True, cluster=cluster)
        dtype = next(iter(case.tensors.values())).dtype
        name = str(dtype).removeprefix("torch.")
        return Case(case.entry, case.values, f"{name} {case.label}")


def promised(bench: Bench) -> list[torch.dtype]:
    """The dtypes that a right answer takes, float64 first."""
    names = ["float64"]
    for spec in bench.scenario.checks:
        if spec.kind == "dtypes" and spec.required:
            names += spec.options.get("dtypes", USUAL)
    return [getattr(torch, name) for name in dict.fromkeys(names)]


def turns(bench: Bench, entry: EntryPoint, draw: Drawer) -> list[Turn]:
    """Each promised dtype with few and with many dimensions, in an order that is drawn.

    Two that follow one another differ in both. Where sizes are stated there are few elements
    instead of few dimensions.
    """
    ranks = {many: _from_anywhere(draw, MANY if many else FEW) for many in (False, True)}
    dtypes = _rotated(draw, promised(bench))
    first = bool(_drawn(draw, 2))
    pairs = [(d, first ^ bool(i % 2)) for i, d in enumerate(dtypes)]
    pairs += [(d, not many) for d, many in pairs]
    return [Turn(dtype, _size(entry, draw, many, next(ranks[many]))) for dtype, many in pairs]


def other_turns(bench: Bench, entry: EntryPoint, draw: Drawer, asked: Sequence[Turn]) -> list[Turn]:
    """Each promised dtype with each number of dimensions that was not ``asked`` with it."""
    least = _least_dims(entry)
    if least is None:
        return []
    done = {(turn.dtype, len(turn.size["*"])) for turn in asked}
    return [
        Turn(dtype, _any_size(draw, rank))
        for dtype in promised(bench)
        for rank in RANKS
        if rank >= least and (dtype, rank) not in done
    ]


def every_rank(bench: Bench, entry: EntryPoint, draw: Drawer) -> list[Turn]:
    """Each number of dimensions, promised dtypes in turn; where sizes are stated, as ``turns``."""
    least = _least_dims(entry)
    if least is None:
        return turns(bench, entry, draw)
    dtypes = _from_anywhere(draw, promised(bench))
    ranks = [RANKS[place] for place in draw.order(len(RANKS))]
    return [Turn(next(dtypes), _any_size(draw, rank)) for rank in ranks if rank >= least]


def large_turns(
    bench: Bench, entry: EntryPoint, draw: Drawer, dtype: torch.dtype | None = None
) -> list[Turn]:
    """One with many elements, in ``dtype`` or a promised one; none where no size is large.

    What is done for large tensors alone is done to the caller's, too.
    """
    sizes, dtypes = draw.large_sizes(), promised(bench)
    if not sizes:
        return []
    chosen = dtype or dtypes[_drawn(draw, len(dtypes))]
    if _least_dims(entry) is None:
        return [Turn(chosen, max(sizes, key=lambda one: _elements(_tensors(entry), one)))]
    return [Turn(chosen, min(sizes, key=lambda one: math.prod(one["*"])))]


def of_some_size(entry: EntryPoint, draw: Drawer, turn: Turn, elements: int) -> Turn:
    """The same with a tensor of about so many elements, or of the largest size that is stated."""
    shape = turn.size.get("*")
    if shape is None:
        tensors = _tensors(entry)
        sizes = [s for s in draw.sizes() if _elements(tensors, s) <= MOST_ELEMENTS]
        return turn._replace(size=max(sizes, key=lambda size: _elements(tensors, size)))
    if any(isinstance(argument, LayersArgument) for argument in entry.arguments):
        # Layers have parameters by the square of the last dimension.
        return turn._replace(size={**turn.size, "*": (elements // WIDEST, WIDEST)})
    few = [min(n, 2) for n in shape[:-1]]
    last = max(1, elements // math.prod(few))
    return turn._replace(size={**turn.size, "*": (*few, last)})


def operations(draw: Drawer) -> Iterator[str]:
    """The operations that inner inputs come from, over and over."""
    return _from_anywhere(draw, list(OPERATIONS))


def in_turn(draw: Drawer, things: Sequence[T]) -> Iterator[T]:
    """``things`` over and over, from one of them on that is drawn."""
    return _from_anywhere(draw, things)


def shareable(entry: EntryPoint, others: Sequence[str] = ()) -> list[tuple[str, ...]]:
    """What several calls may have in common, in names of arguments that go together.

    A tensor, each of the ``others``, or all that an instance of a module keeps.
    """
    tensors = [a.name for a in _tensors(entry)]
    alone: list[tuple[str, ...]] = [
        (name,) for name in (*tensors, *others) if name not in entry.kept
    ]
    return [entry.kept, *alone] if entry.kept else alone


def all_but_one(groups: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The names of all groups but one, for each of them."""
    return [sum((one for one in groups if one is not left), ()) for left in groups]


def _from_anywhere(draw: Drawer, things: Sequence[T]) -> Iterator[T]:
    return itertools.cycle(_rotated(draw, things))


def _rotated(draw: Drawer, things: Sequence[T]) -> list[T]:
    start = _drawn(draw, len(things))
    return [*things[start:], *things[:start]]


def _drawn(draw: Drawer, count: int) -> int:
    return int(torch.randint(count, (), generator=draw.rng))


def _size(entry: EntryPoint, draw: Drawer, many: bool, rank: int) -> Mapping[str, Any]:
    least = _least_dims(entry)
    if least is not None:
        return _any_size(draw, max(rank, least))
    if not many:
        return draw.small_size()
    fitting = [s for s in draw.sizes()[1:] if _elements(_tensors(entry), s) <= MOST_ELEMENTS]
    return fitting[_drawn(draw, len(fitting))] if fitting else draw.small_size()


def _any_size(draw: Drawer, rank: int) -> Mapping[str, Any]:
    shape = torch.randint(1, LARGEST + 1, (rank,), generator=draw.rng)
    return {**draw.small_size(), "*": tuple(shape.tolist())}


def _least_dims(entry: EntryPoint) -> int | None:
    """The fewest dimensions of tensors that take any shape; ``None`` where none does."""
    tensors = _tensors(entry)
    if all(a.shape is not None for a in tensors):
        return None
    return max(a.min_dims for a in tensors)


def _tensors(entry: EntryPoint) -> list[TensorArgument]:
    return [a for a in entry.arguments if isinstance(a, TensorArgument)]


def _elements(tensors: Sequence[TensorArgument], size: Mapping[str, Any]) -> int:
    return sum(
        math.prod(size.get(d, 1) if isinstance(d, str) else d for d in argument.shape or ())
        for argument in tensors
    )

"""The domain that an example stands for: ranges of values, and sizes near it and far from it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from harness.errors import UsageError
from harness.library.arguments import Arguments, Form, Piece, Values, is_number
from harness.model import KINK_MARGIN, NumberArgument, TensorArgument

Range = tuple[float, float]
Sizes = dict[str, int]

# Numbers in the case that gradcheck differentiates one by one.
MOST_FOR_GRADCHECK = 24
OTHER_SIZES = (1, 5)
MOST_SIZES = 9
# Numbers in the arguments of one question; beyond that it is asked at smaller sizes.
MOST_NUMBERS = 4096
SMALLER = (64, 40, 24, 12, 6, 3)
# Beyond the blocks that kernels work in, and no multiple of one.
FAR = 1030
MOST_FAR_NUMBERS = 1 << 19
# Between the example's sizes and those: multiples of a block, of a vector's length, and odd ones.
STEPS = ((64, 0), (8, 0), (2, 1))
MOST_BETWEEN = 512
MOST_BETWEEN_NUMBERS = 1 << 15
MOST_OWN_NUMBERS = 1 << 22


@dataclass(frozen=True)
class Domain:
    """Sizes and ranges of what is drawn."""

    given: Arguments
    ranges: Mapping[str, Range]
    kinks: Mapping[str, Sequence[float]]
    vary_sizes: bool
    # Whether the reference gives a result for these values.
    takes: Callable[[Values], bool]
    _known: dict[tuple[int, ...], bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for option, named in (("ranges", self.ranges), ("kinks", self.kinks)):
            for name in named:
                if not any(name in (piece.name, piece.top) for piece in self.given.pieces):
                    names = ", ".join(dict.fromkeys(p.top for p in self.given.pieces))
                    raise UsageError(
                        f"{option} names {name!r}, expected one of {names}: the parameters of "
                        "the reference that take floating-point tensors or numbers"
                    )
        for name, bounds in self.ranges.items():
            _check_range(name, bounds)

    def argument(self, piece: Piece) -> TensorArgument | NumberArgument:
        """What the piece is drawn from."""
        if not isinstance(piece.value, torch.Tensor):
            value = piece.value
            low, high = self._stated(piece) or (value, value)
            if low == high:
                return NumberArgument(piece.name, (value,))
            ends = [int(low), int(high)] if isinstance(value, int) else [float(low), float(high)]
            values = tuple(dict.fromkeys((ends[0], value, ends[1])))
            return NumberArgument(piece.name, values, bounds=(ends[0], ends[1]))
        low, high = self.range_of(piece)
        kinks = self.kinks.get(piece.name, self.kinks.get(piece.top, ()))
        argument = TensorArgument(
            piece.name,
            self.shape(piece),
            low,
            high,
            differentiable=piece.differentiable,
            kinks=tuple(float(k) for k in kinks),
        )
        if not argument.spans():
            raise UsageError(
                f"the range ({low:g}, {high:g}) of {piece.name!r} lies all within "
                f"{KINK_MARGIN:g} of its kinks, expected values away from them; widen "
                f"ranges[{piece.name!r}]"
            )
        return argument

    def shape(self, piece: Piece) -> tuple[str | int, ...]:
        """Names for the sizes that vary, numbers for the others."""
        free = set(self.symbols)
        named = [f"n{n}" if f"n{n}" in free else n for n in piece.own_shape]
        if piece.form in (Form.PARAMETER, Form.SPARSE):
            return piece.own_shape
        return (*named, 2) if piece.form is Form.COMPLEX else tuple(named)

    def range_of(self, piece: Piece) -> Range:
        """The values of the example; around them where they are all the same."""
        stated = self._stated(piece)
        if stated is not None:
            return stated
        value = piece.value
        assert isinstance(value, torch.Tensor)
        if not value.numel():
            return -1.0, 1.0
        low, high = float(value.min()), float(value.max())
        if low == high:
            return (low - abs(low) / 2, low + abs(low) / 2) if low else (-1.0, 1.0)
        return low, high

    def _stated(self, piece: Piece) -> Range | None:
        return self.ranges.get(piece.name) or self.ranges.get(piece.top)

    # ----------------------------------------------------------------------
    # Sizes

    @property
    def symbols(self) -> list[str]:
        """Names of the sizes that may vary: those of nothing that is handed over as it is."""
        free = [p for p in self.given.pieces if p.is_tensor]
        held = [p for p in free if p.form in (Form.PARAMETER, Form.SPARSE)]
        fixed = {n for p in held for n in p.own_shape}
        for piece, leaf in zip(self.given.pieces, self._originals(), strict=True):
            fixed |= set(leaf.shape) if piece.form is Form.SPARSE else set()
        fixed |= {n for _, v in self.given.kept if isinstance(v, torch.Tensor) for n in v.shape}
        sizes = dict.fromkeys(n for p in free if p not in held for n in p.own_shape)
        return [f"n{n}" for n in sizes if n not in fixed]

    def _originals(self) -> Iterator[Any]:
        per_leaf = zip(self.given._leaves, self.given._per_leaf, strict=True)
        yield from (leaf for leaf, pieces in per_leaf for _ in pieces)
        yield from (None for _ in self.given.of_module)

    @property
    def own(self) -> Sizes:
        """The example's own sizes."""
        return {symbol: int(symbol[1:]) for symbol in self.symbols}

    @property
    def is_large(self) -> bool:
        """Whether the example has more numbers than a question should."""
        return self.count(self.own) > MOST_NUMBERS

    def _with_elements(self) -> Sizes:
        """The example's own sizes, but for those that are 0, where the reference takes others."""
        own = self.own
        if 0 not in own.values():
            return own
        unlike = next(n for n in itertools.count(2) if n not in own.values())
        instead = {symbol: n or unlike for symbol, n in own.items()}
        return instead if self._taken(instead) else own

    def usual(self) -> Sizes:
        """The example's own sizes, or others where it is large or has no elements."""
        own = self._with_elements() if self.vary_sizes else self.own
        if not self.vary_sizes or self.count(own) <= MOST_NUMBERS:
            return own
        for most in SMALLER:
            less = {symbol: min(n, most - i % 2) for i, (symbol, n) in enumerate(own.items())}
            if self.count(less) <= MOST_NUMBERS and self._taken(less):
                return less
        return own

    def sizes(self) -> list[Sizes]:
        """The small size first, then the example's own or smaller ones, then others.

        Only those that the reference takes, beside the example's.
        """
        own = self.usual()
        if not self.vary_sizes or not own:
            return [own]
        candidates = [{s: min(n, small) for s, n in own.items()} for small in (3, 2)]
        small = next(
            (c for c in candidates if self.count(c) <= MOST_FOR_GRADCHECK and self._taken(c)), own
        )
        tried = [small, own]
        # One at a time, so that a sum over the wrong one of two equal sizes shows.
        tried += [{**own, symbol: size} for symbol in own for size in OTHER_SIZES]
        if len(own) > 1:  # as many rows as columns
            tried.insert(2, dict.fromkeys(own, min(4, max(own.values()))))
        tried += [dict.fromkeys(own, 1)]
        if not self.is_large:
            tried.insert(2, self.own)
        found: list[Sizes] = []
        for candidate in tried:
            if candidate not in found and (candidate in (own, self.own) or self._taken(candidate)):
                found.append(candidate)
            if len(found) == MOST_SIZES:
                break
        return found

    def far(self) -> list[Sizes]:
        """One size at a time far from the example's; the example's own, where it is large."""
        if not self.vary_sizes:
            return []
        usual = self.usual()
        far = [{**usual, symbol: FAR} for symbol in usual]
        found = [s for s in far if self.count(s) <= MOST_FAR_NUMBERS and self._taken(s)]
        if self.is_large and self.own != usual and self.count(self.own) <= MOST_OWN_NUMBERS:
            found.append(self.own)
        return found

    def between(self, rng: torch.Generator) -> list[Sizes]:
        """Sizes between the example's and those far from it, of all dimensions at once.

        One at a time, where all at once are too many or the reference does not take them.
        """
        usual, found = self.usual(), []
        for step, more in STEPS if self.vary_sizes and usual else ():
            for most in (MOST_BETWEEN, MOST_BETWEEN // 4, step):
                drawn = {symbol: _multiple(step, most, rng) + more for symbol in usual}
                if self.count(drawn) <= MOST_BETWEEN_NUMBERS and self._taken(drawn):
                    found.append(drawn)
                    break
            else:
                alone = [{**usual, symbol: n} for symbol, n in drawn.items()]
                alone = [s for s in alone if self.count(s) <= MOST_BETWEEN_NUMBERS]
                found += [sizes for sizes in alone if self._taken(sizes)]
        return found

    def count(self, sizes: Mapping[str, int]) -> int:
        """Numbers in the arguments at these sizes."""
        total = 0
        for piece in self.given.pieces:
            if piece.is_tensor:
                total += _product(sizes.get(str(n), n) for n in self.shape(piece))
        return total

    def filled(self, sizes: Mapping[str, int]) -> list[Any]:
        """Arguments of these sizes, amid the values that are drawn for them."""
        values: list[Any] = []
        for piece in self.given.pieces:
            if not piece.is_tensor:
                values.append(piece.value)
                continue
            shape = [int(sizes.get(str(n), n)) for n in self.shape(piece)]
            middle = sum(self.range_of(piece)) / 2
            values.append(torch.full(shape, middle, dtype=torch.float64))
        return values

    def _taken(self, sizes: Mapping[str, int]) -> bool:
        """Whether the reference gives a result for arguments of these sizes.

        It may refuse a size in any way, an ``assert`` among them: the size is left out then.
        """
        key = tuple(sizes.values())
        if key not in self._known:
            self._known[key] = self.takes(self.filled(sizes))
        return self._known[key]


def _multiple(step: int, most: int, rng: torch.Generator) -> int:
    """A multiple of ``step`` up to ``most``, of any order of size alike."""
    order = float(torch.rand((), generator=rng)) * math.log(max(1, most // step))
    return step * round(math.exp(order))


def _product(sizes: Iterator[Any]) -> int:
    found = 1
    for size in itertools.chain(sizes):
        found *= int(size)
    return found


def _check_range(name: str, bounds: object) -> None:
    match bounds:
        case (low, high) if is_number(low) and is_number(high) and low < high:
            return
    raise UsageError(f"ranges[{name!r}] is {bounds!r}, expected (low, high) with low < high")

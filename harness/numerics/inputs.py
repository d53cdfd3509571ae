"""Draws arguments for entry points from the domains that scenarios state."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, TypeVar

import torch

from harness.model import (
    KINK_MARGIN,
    TENSORS,
    DomainKind,
    EntryPoint,
    IndexArgument,
    LayersArgument,
    LogArgument,
    MaskArgument,
    NumberArgument,
    SizeArgument,
    TensorArgument,
    ValueArgument,
)
from harness.numerics.plain.difference import shown
from harness.numerics.plain.drawing import always_asked, drawn, strategy
from harness.sandbox.inside import layers, plain

T = TypeVar("T")

# Every size of a dimension up to one that is drawn from here is asked about once.
SWEPT = (40, 48)
# Large tensors have about so many elements, or half of that: the dense Jacobian does not fit
# into a candidate's memory. One comes out even in blocks of any power of two, one in none.
LARGE, BLOCK, MOST_BEYOND = 17 << 10, 1 << 10, 60
# One dimension is so long at a time, in two dimensions and in more; planes have such sides.
LONG, LONG_AMONG_MORE, SIDES = (260, 600), (50, 260), (8, 24)
# Sizes that are long are odd this often, lest they be made up of blocks.
ODD = 0.75
# Widest inputs of layers, whose parameters grow with the square.
WIDEST = 40
# So many sizes are drawn where an entry states bounds, beside its own.
DRAWN = 3
# A drawn size has a dimension of size 1, or two of equal size, this often.
ONE, EQUAL = 0.2, 0.3
# Bounds of a number that lie further apart than this have all sizes between them drawn alike.
FAR = 100.0
EMPTY_SHAPES = ((0,), (0, 3), (2, 0))
SMALL_SHAPE = (2, 3)
# gradcheck's tolerances hold at inputs of about unit size.
UNIT_RANGE = (-2.0, 2.0)
# One element in so many is a special point of its range.
SPECIAL_EVERY = 7
TINY = 1e-9
# Points of either sign that are drawn between an argument's range and its outermost edge, and
# close to each kink; the closest of those keep this part of the margin.
BEYOND, NEAR_KINK, CLOSEST = 16, 4, 1e-7
# Kinds of masks that take turns, by the order in which they are drawn.
MASKS = ("mixed", "rows", "mixed", "rows", "none", "mixed", "all")
# Part of the elements that are not at an end of their range, where others are.
BETWEEN = 0.4
# Values that lie close together: their spread relative to the range.
CLUSTER = 1.1e-3
# Whole numbers and halves up to this size come up often among numbers that are drawn.
SIMPLE = 5
# Fewest numbers from anywhere among as many draws as bring up each of those once.
ANYWHERE = 4
# Plain values of each argument that are drawn beside those that are always asked, and the most
# combinations of several arguments' values that are gone through one by one.
BESIDE, TOGETHER = 6, 24


@dataclass(frozen=True)
class Stack:
    """Layers for a block, by name, and the values of their parameters in order."""

    names: tuple[str, ...]
    width: int
    parameters: tuple[torch.Tensor, ...]
    dtype: torch.dtype

    def build(self, dtype: torch.dtype | None = None) -> list[layers.Layer]:
        """The layers, with these values."""
        built = layers.build(list(self.names), self.width, dtype or self.dtype)
        with torch.no_grad():
            for parameter, value in zip(layers.parameters(built), self.parameters, strict=True):
                parameter.copy_(value)
        return built

    @property
    def random(self) -> bool:
        """Whether it draws random numbers."""
        return "dropout" in self.names


class Log:
    """Stands for a log callable among the arguments of a case."""


class LeftOut:
    """Stands for an argument that is left out, as it has a default."""


@dataclass(frozen=True)
class PlainValue:
    """A plain Python value beside tensors."""

    value: Any

    def copy(self) -> Any:
        """The value, of which nobody else has a part."""
        return plain.decode(plain.encode(self.value))


Value = torch.Tensor | float | int | PlainValue | Stack | Log | LeftOut


@dataclass(frozen=True)
class Case:
    """Values for the arguments of one entry point, in order."""

    entry: EntryPoint
    values: tuple[Value, ...]
    # What is special about it, for messages.
    label: str

    @property
    def elements(self) -> int:
        """How many elements its tensor arguments have together."""
        return sum(value.numel() for value in self.values if isinstance(value, torch.Tensor))

    @cached_property
    def tensors(self) -> dict[str, torch.Tensor]:
        """The tensor arguments of numbers by name, in order; not indices and masks."""
        numbers = {a.name for a in self.entry.arguments if isinstance(a, TensorArgument)}
        return {name: tensor for name, tensor in self.handed_over.items() if name in numbers}

    @cached_property
    def listed(self) -> dict[str, tuple[float, ...]]:
        """The only values of those tensors that have but few, which nothing may move, by name."""
        arguments = (a for a in self.entry.arguments if isinstance(a, TensorArgument) and a.only)
        return {a.name: a.only for a in arguments}

    @cached_property
    def handed_over(self) -> dict[str, torch.Tensor]:
        """All tensor arguments by name, in order; their places are those in an answer."""
        return {
            argument.name: value
            for argument, value in zip(self.entry.arguments, self.values, strict=False)
            if isinstance(argument, TENSORS) and isinstance(value, torch.Tensor)
        }

    @property
    def told(self) -> str:
        """The shapes of its tensors of numbers, then its numbers, plain values and layers."""
        words = [f"{name} {tuple(tensor.shape)}" for name, tensor in self.tensors.items()]
        for argument, value in zip(self.entry.arguments, self.values, strict=False):
            match value:
                case PlainValue():
                    words.append(f"{argument.name}={shown(value.value)}")
                case Stack():
                    words.append(" → ".join(value.names))
                case int() | float() if isinstance(argument, NumberArgument):
                    words.append(f"{argument.name}={value:g}")
        return ", ".join(words)

    def with_tensor(self, name: str, tensor: torch.Tensor) -> Case:
        """The same with another tensor for one argument."""
        values = tuple(
            tensor if argument.name == name else value
            for argument, value in zip(self.entry.arguments, self.values, strict=True)
        )
        return Case(self.entry, values, self.label)

    def by_name(self, *, defaults: bool) -> frozenset[str]:
        """Names of the arguments that are given by name; with ``defaults`` those that have one."""
        named: set[str] = set()
        # What follows one that is left out, or given by name, has no place any more.
        after, before = False, ""
        for argument, value in zip(self.entry.arguments, self.values, strict=False):
            keyword_only = getattr(argument, "keyword_only", False)
            # The constructor of a module and its instance are called each by itself.
            part = self.entry.part(argument.name)
            after, before = after and part == before, part
            if isinstance(value, LeftOut):
                after = after or not keyword_only
            elif keyword_only:
                named.add(argument.name)
            elif after or (defaults and getattr(argument, "has_default", False)):
                named.add(argument.name)
                after = True
        return frozenset(named)

    @property
    def differentiable(self) -> tuple[str, ...]:
        """Names of the tensor arguments whose gradient the contract promises."""
        return tuple(
            argument.name
            for argument in self.entry.arguments
            if isinstance(argument, TensorArgument) and argument.differentiable
        )

    @property
    def stack(self) -> Stack | None:
        """The layers among the values, if any."""
        return next((value for value in self.values if isinstance(value, Stack)), None)


def generator(*key: object) -> torch.Generator:
    """A generator of its own for each key, the run's seed first among its parts."""
    digest = hashlib.sha256("\0".join(map(str, key)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


class Drawer:
    """Draws cases of one entry point."""

    def __init__(self, entry: EntryPoint, seed: int, purpose: str) -> None:
        self.entry = entry
        self.rng = generator(seed, entry.name, purpose)
        self._turn = 0
        self._lone = 0
        self._key = f"{seed}/{entry.name}/{purpose}"
        self._cycles: dict[str, Iterator[float | None]] = {}
        # Those of cases with all arguments, and of cases in which some are left out.
        self._plain_values = [self._in_turn(), self._in_turn()]

    def uniform(self, shape: Sequence[int], low: float, high: float) -> torch.Tensor:
        """Float64 values in [low, high]."""
        return low + (high - low) * torch.rand(shape, generator=self.rng, dtype=torch.float64)

    def normal(self, shape: Sequence[int]) -> torch.Tensor:
        """Float64 standard normal values."""
        return torch.randn(shape, generator=self.rng, dtype=torch.float64)

    def sizes(self) -> list[Mapping[str, Any]]:
        """Sizes of several kinds, drawn anew by every call; the first has two dimensions or more.

        For arguments that take any shape there is one under ``*``. The entry's own sizes
        are among them, all where it states no bounds to draw others between, else the first and
        the last. There are enough for every plain value that is always asked.
        """
        sizes = self._sizes()
        least = max([len(sizes), *map(len, self._asked_values().values())])
        return list(itertools.islice(itertools.cycle(sizes), least))

    def _sizes(self) -> list[Mapping[str, Any]]:
        named: list[Mapping[str, Any]] = list(self.entry.sizes)
        if self.entry.dimensions:
            named = [named[0], *(self._named_size() for _ in range(DRAWN)), *named[1:][-1:]]
        if named and not self._takes_any:
            return named
        shapes = self._any_shapes()
        count = max(len(shapes), len(named))
        repeated = zip(itertools.cycle(shapes), itertools.cycle(named or ({},)), strict=False)
        return [{"*": shape, **sizes} for shape, sizes in itertools.islice(repeated, count)]

    def sweep(self) -> list[Mapping[str, Any]]:
        """Small sizes, in which each number up to a bound that is drawn is that of a dimension."""
        bound = self.whole(*SWEPT)
        every: dict[str, list[Any]] = {
            name: self._shuffled(range(low, min(high, low + bound - 1) + 1))
            for name, (low, high) in self.entry.dimensions.items()
        }
        if self._takes_any:
            if self._has_layers:
                bound = min(bound, WIDEST)
            before = (1,) * (self._least_dims - 1)
            every["*"] = [(*before, n) for n in self._shuffled(range(1, bound + 1))]
            every["*"] += [tuple(self.whole(1, 3) for _ in range(rank)) for rank in (3, 4, 5)]
            every["*"] = [shape for shape in every["*"] if len(shape) >= self._least_dims]
        count = max(map(len, every.values()), default=0)
        cycles = {name: itertools.cycle(values) for name, values in every.items()}
        own = itertools.cycle(self.entry.sizes or ({},))
        return [
            {**next(own), **{name: next(cycle) for name, cycle in cycles.items()}}
            for _ in range(count)
        ]

    def _any_shapes(self) -> list[tuple[int, ...]]:
        """Shapes of all ranks up to 5, each right for one way of getting it wrong."""
        small, tiny = partial(self.whole, 2, 6), partial(self.whole, 1, 3)
        side, rows = self.whole(2, 9), self.whole(1, 7)
        columns = 1 if self.chance(ONE) else self.whole(1, SWEPT[0])
        first = small()
        shapes: list[tuple[int, ...]] = [
            (self.whole(1, SWEPT[0]),),
            (),
            (small(), first, first if self.chance(EQUAL) else small()),
            (side, side),
            (rows, columns),
            tuple(tiny() for _ in range(self.whole(4, 6))),
            (self.whole(20, SWEPT[1]), self.whole(20, WIDEST)),
        ]
        uneven = (first, first + self.whole(1, 3))
        shapes = [uneven[:: self._sign()], *self._shuffled(shapes)]
        least = self._least_dims
        return [shape for shape in shapes if len(shape) >= least]

    def _named_size(self) -> dict[str, int]:
        """Sizes for the dimension names, between their bounds."""
        bounds = self.entry.dimensions
        size = {name: self.whole(low, high) for name, (low, high) in bounds.items()}
        one, other = (self._shuffled(bounds) * 2)[:2]
        if self.chance(ONE):
            size[one] = bounds[one][0]
        elif self.chance(EQUAL):
            low, high = max(bounds[one][0], bounds[other][0]), min(bounds[one][1], bounds[other][1])
            if low <= high:
                size[one] = size[other] = self.whole(low, high)
        return size

    def alike_size(self) -> dict[str, Any]:
        """A size whose dimensions are each at their lowest or at one number that they share."""
        bounds = self.entry.dimensions
        common = self.whole(1, min(high for _, high in bounds.values()))
        return {
            **self.small_size(),
            **{n: max(low, common) if self.chance(0.5) else low for n, (low, _) in bounds.items()},
        }

    def whole(self, low: int, high: int) -> int:
        """A whole number between the two, ends included."""
        return int(torch.randint(low, high + 1, (), generator=self.rng))

    def chance(self, share: float) -> bool:
        """Whether something that happens this often happens now."""
        return float(self.uniform((), 0, 1)) < share

    def _sign(self) -> int:
        return 1 if self.chance(0.5) else -1

    def _shuffled(self, items: Iterable[T]) -> list[T]:
        given = list(items)
        return [given[i] for i in torch.randperm(len(given), generator=self.rng).tolist()]

    def shape_without_ones(self, rank: int) -> tuple[int, ...]:
        """A shape of so many dimensions, or of the fewest that there may be."""
        return tuple(self.whole(2, 4) for _ in range(max(rank, self._least_dims)))

    def empty_sizes(self) -> list[Mapping[str, Any]]:
        """Sizes without elements, where the arguments take any shape."""
        least = self._least_dims
        shapes = [s for s in EMPTY_SHAPES if len(s) >= least and 0 not in s[len(s) - least :]]
        return [{**self.small_size(), "*": shape} for shape in shapes] if self._takes_any else []

    def large_sizes(self) -> list[Mapping[str, Any]]:
        """A size with many elements, where the arguments take any shape; else the entry's own."""
        if not self._takes_any:
            return list(self.entry.sizes[1:]) if self.entry.dimensions else []
        if self.entry.sizes:
            return []
        rows = LARGE // BLOCK + self.whole(0, 6)
        if self._has_layers:
            width = self.whole(WIDEST // 2, WIDEST)
            return [{"*": (LARGE // width, width)}]
        return [
            {"*": (rows, 1, 1, 1, BLOCK)},
            {"*": (BLOCK + self.whole(1, MOST_BEYOND), LARGE // BLOCK // 2)},
        ]

    def long_sizes(self) -> list[Mapping[str, Any]]:
        """Sizes in which one dimension is long, sides of planes are, or there are many dimensions.

        Where sizes are stated, those that the entry calls large.
        """
        if not self._takes_any:
            return [self._with_large(bounds) for bounds in self.entry.large]
        if self.entry.sizes:
            return []
        # None of one element, where an average is what it is of.
        few, side = partial(self.whole, 2, 4), partial(self._long, *SIDES)
        among, more = partial(self._long, *LONG_AMONG_MORE), self.whole(4, 5)
        long: list[tuple[int, ...]] = [(few(), self._long(*LONG)), (self._long(*LONG), few())]
        for rank, places in ((3, (0, 1, 2)), (more, (self.whole(0, more - 1),))):
            for place in places:
                long.append(tuple(among() if at == place else few() for at in range(rank)))
        long += [(few(), side(), side()), (few(), few(), side(), side())]
        long.append(tuple(self.whole(2, 3) for _ in range(self.whole(6, 7))))
        if self._has_layers:
            long = [(*shape[:-1], min(shape[-1], WIDEST)) for shape in long]
        return [{"*": shape} for shape in long if len(shape) >= self._least_dims]

    def _with_large(self, bounds: Mapping[str, tuple[int, int]]) -> dict[str, int]:
        """A size whose dimensions are between their usual bounds, but for those that are given."""
        usual = {
            name: self._of_all_sizes(max(low, min(2, high)), high)
            for name, (low, high) in self.entry.dimensions.items()
        }
        return {**usual, **{name: self._long(*ends) for name, ends in bounds.items()}}

    def _of_all_sizes(self, low: int, high: int) -> int:
        """A whole number between the two, as often of one size as of another."""
        share = float(self.uniform((), 0, 1))
        return min(high, int(low * ((high + 1) / low) ** share)) if low else self.whole(low, high)

    def _long(self, low: int, high: int) -> int:
        """The same, odd mostly."""
        found = self._of_all_sizes(low, high)
        even = not found % 2
        return found - 1 if even and found > low and self.chance(ODD) else found

    def small_size(self) -> Mapping[str, Any]:
        """A size of a few elements."""
        small = {"*": (*(1,) * (self._least_dims - len(SMALL_SHAPE)), *SMALL_SHAPE)}
        return {**small, **self.entry.sizes[0]} if self.entry.sizes else small

    @property
    def _first_tensor(self) -> str | None:
        """The first of the tensors that are handed over in a call."""
        tensors = [a.name for a in self.entry.arguments if isinstance(a, TensorArgument)]
        return next((name for name in tensors if name not in self.entry.parameters), None)

    @property
    def _has_layers(self) -> bool:
        return any(isinstance(a, LayersArgument) for a in self.entry.arguments)

    @property
    def _takes_any(self) -> bool:
        return any(isinstance(a, TENSORS) and a.shape is None for a in self.entry.arguments)

    @property
    def _least_dims(self) -> int:
        """Dimensions that are enough for every argument that takes any shape."""
        return max(
            (a.min_dims for a in self.entry.arguments if isinstance(a, TensorArgument)), default=0
        )

    def case(
        self,
        size: Mapping[str, Any],
        *,
        dtype: torch.dtype = torch.float64,
        unit_range: bool = False,
        stack: tuple[str, ...] | None = None,
        use_default: bool = False,
        special: bool = False,
        cluster: bool = False,
        zero: bool = False,
        mixed: bool = False,
        given: Mapping[str, Any] | None = None,
    ) -> Case:
        """One case of the given size.

        With ``use_default`` what has a default is left out;
        with ``special`` some elements are zero, tiny or at the ends of the range;
        with ``cluster`` all elements lie close together, away from zero;
        with ``zero`` the first tensor is zero all over, where its range allows that;
        with ``mixed`` no mask is all true or false.
        Numbers and plain values are those that are ``given`` by name, else drawn.
        """
        values: list[Value] = []
        turn, self._turn = self._turn, self._turn + 1
        masks = MASKS.index("mixed") if mixed else turn
        given = {**next(self._plain_values[use_default]), **(given or {})}
        # Layers are variadic: what comes before them has no name.
        use_default = use_default and not self._has_layers
        for argument in self.entry.arguments:
            match argument:
                case TensorArgument():
                    tensor = self._tensor(argument, size, unit_range)
                    if special:
                        tensor = self._with_special_points(argument, tensor)
                    if cluster:
                        tensor = self._clustered(argument, tensor)
                    is_first = argument.name == self._first_tensor
                    if zero and is_first and _holds(argument, 0.0):
                        tensor = torch.zeros_like(tensor)
                    values.append(tensor.to(dtype))
                case IndexArgument():
                    values.append(self._indices(argument, size, masks))
                case MaskArgument():
                    values.append(self._mask(_shape(argument, size), masks))
                case NumberArgument():
                    value = given.get(argument.name)
                    if value is None:
                        value = self._number(argument, turn)
                    if use_default and argument.has_default:
                        values.append(LeftOut())
                        continue
                    values.append(value)
                case ValueArgument():
                    if use_default and argument.has_default:
                        values.append(LeftOut())
                        continue
                    values.append(PlainValue(given[argument.name]))
                case SizeArgument():
                    values.append(size[argument.dimension])
                case LogArgument():
                    values.append(Log())
                case LayersArgument():
                    names = stack or argument.stacks[turn % len(argument.stacks)]
                    x = next(value for value in values if isinstance(value, torch.Tensor))
                    values.append(self.stack(names, x.shape[-1], dtype))
        case = Case(self.entry, tuple(values), "")
        return replace(case, label=case.told)

    def _in_turn(self) -> Iterator[dict[str, Any]]:
        """Plain values by name: over and over all that are always asked, and others."""
        asked = self._asked_values()
        if not asked:
            yield from itertools.repeat({})
        every = {
            argument.name: [*asked[argument.name], *self._further(argument)]
            for argument in self.entry.values
        }
        while True:
            for places in self._combinations([len(values) for values in every.values()]):
                pairs = zip(every.items(), places, strict=True)
                yield {name: values[place] for (name, values), place in pairs}

    def _asked_values(self) -> dict[str, tuple[Any, ...]]:
        """The plain values that are always asked, by the name of their argument."""
        return {argument.name: always_asked(argument.domain) for argument in self.entry.values}

    def _further(self, argument: ValueArgument) -> list[Any]:
        """Values that are drawn beside those that are always asked, where there are others."""
        domain = argument.domain
        if domain.is_listed:
            return []
        if domain.kind is DomainKind.REAL:
            # Not as hypothesis draws them: the least numbers there are round to zero in float32.
            return [self._between(domain.low, domain.high) for _ in range(BESIDE)]
        return drawn(strategy(domain, exact=True), f"{self._key}/{argument.name}", BESIDE)

    def _combinations(self, counts: Sequence[int]) -> list[tuple[int, ...]]:
        """A place of each list, as often as each is met; each place alone is met early."""
        if math.prod(counts) > TOGETHER:
            cycles = [itertools.cycle(self._shuffled(range(count))) for count in counts]
            return list(itertools.islice(zip(*cycles, strict=False), max(counts)))
        left = self._shuffled(itertools.product(*map(range, counts)))
        used = [[0] * count for count in counts]
        order = []
        while left:
            rarest = min(left, key=lambda one: sum(u[at] for u, at in zip(used, one, strict=True)))
            left.remove(rarest)
            order.append(rarest)
            for u, at in zip(used, rarest, strict=True):
                u[at] += 1
        return order

    def _number(self, argument: NumberArgument, turn: int) -> float | int:
        """One of its values, or in every other turn one between its bounds."""
        count = len(argument.values)
        if argument.bounds is not None:
            turn, drawn = divmod(turn, 2)
            # Moved on by one each round, lest it kept step with another cycle.
            if (drawn + turn // count) % 2:
                low, high = argument.bounds
                simple = self._simple(argument.name, low, high, argument.values)
                if isinstance(low, int) and isinstance(high, int):
                    return self.whole(low, high) if simple is None else int(simple)
                return self._between(low, high) if simple is None else simple
        return argument.values[(turn + turn // count) % count]

    def _simple(
        self, name: str, low: float, high: float, listed: Sequence[float] = ()
    ) -> float | None:
        """A small whole number or half between the two, or ``None`` for one from anywhere.

        Each of them comes up once before any comes up again, but for those that are ``listed``.
        """
        if name not in self._cycles:
            step = 1 if isinstance(low, int) and isinstance(high, int) else 2
            first, last = (math.floor(step * max(-SIMPLE, min(e, SIMPLE))) for e in (-low, high))
            simple = [n / step for n in range(-first, last + 1)]
            simple = [n for n in simple if low <= n <= high and n not in listed]
            anywhere = itertools.repeat(None, max(ANYWHERE, len(simple) // 2))
            self._cycles[name] = self._over_and_over([*simple, *anywhere])
        return next(self._cycles[name])

    def _over_and_over(self, items: Sequence[T]) -> Iterator[T]:
        """All of them in an order that is drawn, then in another one, and so on."""
        while True:
            yield from self._shuffled(items)

    def _between(self, low: float, high: float) -> float:
        """A number between the two, of all sizes alike where these lie far apart."""
        share = float(self.uniform((), 0, 1))
        if low > 0 and high > FAR * low:
            return float(low * (high / low) ** share)
        return float(low + (high - low) * share)

    def _tensor(
        self, argument: TensorArgument, size: Mapping[str, Any], unit_range: bool
    ) -> torch.Tensor:
        shape = _shape(argument, size)
        if argument.only:
            return self._chosen(shape, torch.tensor(argument.only, dtype=torch.float64))
        spans = _near_unit(argument.spans()) if unit_range else argument.spans()
        if argument.shape is not None and math.prod(shape) == 1 and not _names(argument):
            simple = self._simple(argument.name, argument.low, argument.high)
            within = simple is not None and any(low <= simple <= high for low, high in spans)
            # At zero, other gradients may be next to nothing.
            if simple is not None and within and (simple or not unit_range):
                return torch.full(shape, simple, dtype=torch.float64)
        values = spans[0][0] + self.uniform(shape, 0, sum(high - low for low, high in spans))
        for (_, end), (start, _) in itertools.pairwise(spans):
            values = torch.where(values > end, values + (start - end), values)
        return values

    def _chosen(self, shape: Sequence[int], values: torch.Tensor) -> torch.Tensor:
        """A tensor of ``shape`` with elements of ``values``, each as often as the others."""
        return values[torch.randint(len(values), tuple(shape), generator=self.rng)]

    def _indices(self, argument: IndexArgument, size: Mapping[str, Any], turn: int) -> torch.Tensor:
        """Indices, of which none, some or all are one of the further values."""
        shape = _shape(argument, size)
        below = size[argument.below] if isinstance(argument.below, str) else argument.below
        indices = torch.randint(max(below, 1), shape, generator=self.rng)
        if not argument.also:
            return indices
        other = self._chosen(shape, torch.tensor(argument.also))
        return torch.where(self._mask(shape, turn), other, indices)

    def _mask(self, shape: Sequence[int], turn: int) -> torch.Tensor:
        """Booleans, in turn: mixed, mixed with rows that are all one, all false, all true."""
        mask = self.uniform(shape, 0, 1) < float(self.uniform((), 0.1, 0.7))
        match turn % len(MASKS):
            case 1 | 3:
                rows = self.uniform((*shape[:-1], 1) if shape else (), 0, 1)
                mask = torch.where(rows < 0.3, False, torch.where(rows > 0.7, True, mask))
            case 4:
                mask = torch.zeros_like(mask)
            case 6:
                mask = torch.ones_like(mask)
        return mask

    def _with_special_points(self, argument: TensorArgument, values: torch.Tensor) -> torch.Tensor:
        points = torch.tensor(
            [
                point
                for point in (0.0, -0.0, TINY, -TINY, argument.low, argument.high)
                if _holds(argument, point)
            ],
            dtype=torch.float64,
        )
        if not len(points):
            return values
        if argument.only:
            points = points + 0.0  # that has no sign
        if not values.dim():  # one in so many would be none, mostly
            self._lone += 1
            return points[self._lone % len(points)].clone()
        draw = torch.randint(SPECIAL_EVERY * len(points), values.shape, generator=self.rng)
        chosen = points[draw.clamp(max=len(points) - 1)]
        return torch.where(draw < len(points), chosen, values)

    def edges(self, argument: TensorArgument) -> torch.Tensor:
        """The special points of ``argument``, and others beyond its range and near its kinks."""
        points = [torch.tensor([*argument.edges, *argument.kinks], dtype=torch.float64)]
        usual = max(abs(argument.low), abs(argument.high))
        lowest, highest = min(argument.edges, default=0.0), max(argument.edges, default=0.0)
        if max(-lowest, highest) > usual:
            far = usual * (max(-lowest, highest) / usual) ** self.uniform((BEYOND,), 0, 1)
            points += [-far[far <= -lowest], far[far <= highest]]
        for kink in argument.kinks:
            near = KINK_MARGIN * CLOSEST ** self.uniform((NEAR_KINK,), 0, 1)
            points += [kink - near, kink + near]
        return torch.cat(points)

    def at_ends(self, number: int, dtype: torch.dtype, stack: tuple[str, ...] | None) -> Case:
        """A case in which elements, each by itself, and numbers are at an end of what is promised.

        By its ``number``, numbers go through the combinations of their ends, and in every other
        pair of cases some tensors hold other values among those at the ends.
        """
        size = dict(self._shuffled(self.sizes()[:-1] or self.sizes())[0])
        if self._takes_any:
            size["*"] = tuple(self.whole(3, 9) for _ in range(max(2, self._least_dims)))
        numbers = [a for a in self.entry.arguments if isinstance(a, NumberArgument)]
        ends = {a.name: a.bounds or (min(a.values), max(a.values)) for a in numbers}
        given = {name: ends[name][number >> i & 1] for i, name in enumerate(ends)}
        case = self.case(size, dtype=dtype, stack=stack, given=given)
        for name, tensor in case.tensors.items():
            argument = next(a for a in self.entry.arguments if a.name == name)
            assert isinstance(argument, TensorArgument)
            if argument.only:
                continue
            outer = torch.tensor([argument.low, argument.high, *argument.edges], dtype=dtype)
            at_end = self._chosen(tensor.shape, torch.stack([outer.min(), outer.max()]))
            share = BETWEEN if number & 2 and self.chance(0.5) else 0.0
            between = self.uniform(tensor.shape, 0, 1) < share
            case = case.with_tensor(name, torch.where(between, tensor, at_end))
        return case

    def filled(
        self,
        argument: TensorArgument,
        point: float,
        size: Mapping[str, Any],
        dtype: torch.dtype,
        masked: bool = False,
    ) -> Case:
        """A case in which ``argument`` has one value all over.

        With ``masked`` all masks are false, and indices what they may be beside indices.
        """
        case = self.case(size, dtype=dtype)
        case = case.with_tensor(argument.name, torch.full_like(case.tensors[argument.name], point))
        for other in self.entry.arguments if masked else ():
            if isinstance(other, MaskArgument):
                case = case.with_tensor(other.name, torch.zeros_like(case.handed_over[other.name]))
            elif isinstance(other, IndexArgument) and other.also:
                indices = torch.full_like(case.handed_over[other.name], other.also[0])
                case = case.with_tensor(other.name, indices)
        return case

    @property
    def most_numbers(self) -> int:
        """How many values the number, or the plain argument, with the most of them has."""
        return max(map(len, self._listed().values()), default=0)

    def numbers(self) -> Iterator[Mapping[str, Any]]:
        """Values by name, each of those that are listed or always asked in turn."""
        cycles = {
            name: itertools.cycle(self._shuffled(values)) for name, values in self._listed().items()
        }
        while True:
            yield {name: next(cycle) for name, cycle in cycles.items()}

    def _listed(self) -> dict[str, tuple[Any, ...]]:
        numbers = {a.name: a.values for a in self.entry.arguments if isinstance(a, NumberArgument)}
        asked = {name: values for name, values in self._asked_values().items() if values}
        return {**numbers, **asked}

    def with_points(
        self,
        argument: TensorArgument,
        points: torch.Tensor,
        dtype: torch.dtype,
        stack: tuple[str, ...] | None,
        numbers: Mapping[str, Any],
    ) -> Iterator[tuple[Case, torch.Tensor]]:
        """Cases of allowed shapes in which ``argument`` holds the points, with those it holds.

        One case where they fit into one, else several; what is left of a tensor is drawn, as
        the other arguments are.
        """
        size = self.small_size()
        if argument.shape is None:
            size = {**size, "*": (*(1,) * (self._least_dims - 1), len(points))}
        else:
            rooms = [(math.prod(_shape(argument, s)), i) for i, s in enumerate(self.sizes())]
            enough = [room for room in rooms if room[0] >= len(points)]
            size = self.sizes()[min(enough)[1] if enough else max(rooms)[1]]
        room = math.prod(_shape(argument, size))
        for held in torch.split(points, room) if room else ():
            case = self.case(size, dtype=dtype, stack=stack, given=numbers)
            tensor = case.tensors[argument.name].clone()
            tensor.view(-1)[: len(held)] = held.to(dtype)
            yield case.with_tensor(argument.name, tensor), held

    def _clustered(self, argument: TensorArgument, values: torch.Tensor) -> torch.Tensor:
        if not values.dim() or argument.only:
            return values
        low, high = max(argument.spans(), key=lambda span: span[1] - span[0])
        centre = high - (high - low) * float(self.uniform((), 0.02, 0.1))
        place = (values - argument.low) / (argument.high - argument.low)
        return centre + CLUSTER * (high - low) * (2 * place - 1)

    def order(self, rank: int) -> tuple[int, ...]:
        """The dimensions of a tensor of at least two in another order than they are."""
        usual = list(range(rank))
        while (order := self._shuffled(usual)) == usual:
            pass
        return tuple(order)

    def names(self, choice: Sequence[str], least: int, most: int) -> tuple[str, ...]:
        """Names of layers for a stack of a depth between the two, ends included."""
        depth = self.whole(least, most)
        return tuple(choice[self.whole(0, len(choice) - 1)] for _ in range(depth))

    def stack(self, names: Sequence[str], width: int, dtype: torch.dtype) -> Stack:
        """The layers for inputs (…, ``width``), with parameters of about half unit size."""
        parameters = [
            0.5 * self.normal(parameter.shape).to(dtype)
            for parameter in layers.parameters(layers.build(list(names), width, dtype))
        ]
        return Stack(tuple(names), width, tuple(parameters), dtype)


def _shape(
    argument: TensorArgument | IndexArgument | MaskArgument, size: Mapping[str, Any]
) -> tuple[int, ...]:
    if argument.shape is None:
        return tuple(size["*"])
    return tuple(size[d] if isinstance(d, str) else d for d in argument.shape)


def _names(argument: TensorArgument) -> set[str]:
    """The dimensions of its shape that have no size of their own."""
    return {dimension for dimension in argument.shape or () if isinstance(dimension, str)}


def _holds(argument: TensorArgument, point: float) -> bool:
    return any(low <= point <= high for low, high in argument.spans())


def _near_unit(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """What of the spans lies in the unit range; else what lies nearest to it, as wide at most."""
    least, most = UNIT_RANGE
    inside = [(max(low, least), min(high, most)) for low, high in spans]
    inside = [(low, high) for low, high in inside if low < high]
    if inside:
        return inside
    low, high = min(spans, key=lambda span: min(map(abs, span)))
    width = most - least
    return [(low, min(high, low + width)) if low > 0 else (max(low, high - width), high)]

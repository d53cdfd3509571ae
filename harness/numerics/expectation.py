"""What a right answer looks like, with how far from it one may be."""

from __future__ import annotations

import copy
import itertools
import math
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, NamedTuple

import torch

from harness.model import Fault, Quantity, QuantityKind, TensorArgument
from harness.numerics import rounding
from harness.numerics.inputs import Case, LeftOut, Log, PlainValue, Stack, Value, generator
from harness.numerics.oracles import Oracle, OracleError
from harness.numerics.question import Question
from harness.sandbox.inside import layers, part
from harness.sandbox.inside.layout import LaidOut, derived, laid_out
from harness.sandbox.inside.part import Part, Role

# An incoming gradient beyond this is handed to contracts that cut it: no size to err by.
MOST_SIZE = 1e8
# One-sided slopes are taken so far from a kink, relative to it where it is beyond 1 and at least
# so many roundoffs: x + 3 keeps that much. Values within a few roundoffs of a kink are the kink.
KINK_STEP, KINK_CLEAR, KINK_BLUR = 2.0**-40, 32, 4
# Equal values are moved apart by so much of their size, so many times, to see whether they share
# a gradient; it changes by more than this part then.
APART, TRIES, CHANGED = 1e-12, 6, 1e-6
# So many times where it is to be certain that they do not.
THOROUGHLY = 24
# Roughly: relative, and in roundoffs where the dtype's are larger.
ROUGHLY = 1e-3
ROUGHLY_ROUNDED = 32
# What a sum of a few numbers may be off by, in roundoffs of their sizes.
ADDING = 8.0
# Answers to one expectation whose mismatch is remembered: several trials may share it.
MOST_SEEN = 8


@dataclass(frozen=True)
class Mismatch:
    """How an answer differs from what is right."""

    fault: Fault
    message: str
    # Absolute error at the worst element, finite, and what was allowed there.
    measured: float | None = None
    limit: float | None = None
    # What differs; ``None`` where no tensor came.
    quantity: Quantity | None = None
    # The worst element, in a tensor of ``shape``; ``None`` where no one element is wrong.
    place: tuple[int, ...] | None = None
    shape: tuple[int, ...] = ()


# What it means that a tensor is not what it must be; a wrong value where nothing stands here.
_FAULTS = {
    QuantityKind.INPUT_AFTER_CALL: Fault.MUTATED_INPUT,
    QuantityKind.COTANGENT_AFTER_BACKWARD: Fault.MUTATED_COTANGENT,
    QuantityKind.BRANCH_GRADIENT: Fault.MUTATED_COTANGENT,
    QuantityKind.RANDOM_NUMBER: Fault.MOVED_GENERATOR,
    QuantityKind.AROUND_INPUT: Fault.WROTE_BESIDE,
    QuantityKind.AROUND_COTANGENT: Fault.WROTE_BESIDE,
}


@dataclass(frozen=True)
class Expected:
    """A tensor that must lie between ``low`` and ``high``, give or take ``allowed``.

    What rounding does to the oracle is found out only for answers that are further off than what
    is allowed without it: there are few.
    """

    quantity: Quantity
    low: torch.Tensor
    high: torch.Tensor
    # What is allowed at least. Elementwise and finite where it is judged; elements with a
    # non-finite limit or bound are not.
    least: torch.Tensor
    # The dtype an answer must have.
    dtype: torch.dtype
    # What the elements add up to and how far from it they may, where no one element is certain.
    total: tuple[float, float] | None = None
    # Finds out what is allowed altogether, never less; ``None`` where ``least`` is all.
    in_full: Callable[[], torch.Tensor] | None = None

    @cached_property
    def allowed(self) -> torch.Tensor:
        """The largest error that is not held against an answer. Raises ``OracleError``."""
        return self.least if self.in_full is None else self.in_full()

    @staticmethod
    def exactly(quantity: Quantity, value: torch.Tensor) -> Expected:
        """``value`` itself, bit for bit."""
        wide = value.double()
        return Expected(quantity, wide, wide, torch.zeros_like(wide), value.dtype)

    @property
    def is_point(self) -> bool:
        """Whether one value alone is right, give or take ``allowed``."""
        return self.high is self.low or torch.equal(self.low, self.high)

    def beside(self, other: Expected | None, constant: float, quantity: Quantity) -> Expected:
        """The sum of both and ``constant``, rounded to the dtype at each step."""
        low, high, terms = self.low, self.high, [self]
        if other is not None:
            low, high = low + other.low, high + other.high
            terms.append(other)
        largest = torch.maximum(low.abs(), high.abs()) + abs(constant)
        adding = ADDING * rounding.unit_roundoff(self.dtype) * largest
        return Expected(
            quantity,
            low + constant,
            high + constant,
            sum((one.least for one in terms), adding),
            self.dtype,
            in_full=lambda: sum((one.allowed for one in terms), adding),
        )

    def repeated(self, count: int) -> Expected:
        """``count`` times the same, stacked."""
        return self._changed(lambda tensor: tensor.expand(count, *tensor.shape))

    def item(self, number: int) -> Expected:
        """One of those that are stacked."""
        return self._changed(lambda tensor: tensor[number])

    def times(self, factor: float) -> Expected:
        """The same times a positive ``factor``."""
        return self._changed(lambda tensor: factor * tensor)

    def _changed(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Expected:
        low, high, least = map(change, (self.low, self.high, self.least))
        full = None if self.in_full is None else lambda: change(self.allowed)
        return Expected(self.quantity, low, high, least, self.dtype, in_full=full)

    def give_or_take(
        self, more: float | torch.Tensor, in_full: Callable[[], torch.Tensor] | None = None
    ) -> Expected:
        """The same with so much more allowed, and what ``in_full`` finds out beside it."""

        def both() -> torch.Tensor:
            return self.allowed + more + (0.0 if in_full is None else in_full())

        needed = self.in_full or in_full
        return replace(self, least=self.least + more, in_full=both if needed else None)

    def is_right(self, got: torch.Tensor | None) -> bool:
        """Whether ``got`` is it; a missing gradient counts as zero."""
        if got is None:
            return self._may_be_missing
        seen = self._seen.get(id(got))
        if seen is not None and seen.what() is got:
            return seen.right
        return self.mismatch(got) is None

    def is_surely_right(self, got: torch.Tensor | None) -> bool:
        """Whether ``got`` is it whatever rounding does."""
        return replace(self, in_full=None).is_right(got)

    def mismatch(self, got: torch.Tensor | None) -> Mismatch | None:
        """Why ``got`` is not it, or ``None``; a missing gradient counts as zero."""
        if got is None:
            if self._may_be_missing:
                return None
            return self._differs(Fault.MISSING, "is missing (None)")
        # The same answer is looked at to judge, to diagnose and to draw it.
        seen = self._seen.get(id(got))
        if seen is not None and seen.what() is got and (seen.right or seen.found is not None):
            return seen.found
        found = self._mismatch(got)
        self.remember(got, found is None, found)
        return found

    @cached_property
    def _may_be_missing(self) -> bool:
        return bool(self.fits(torch.zeros_like(self.low)).all())

    @cached_property
    def _seen(self) -> dict[int, _Seen]:
        return {}

    def remember(
        self,
        got: torch.Tensor,
        right: bool,
        found: Mismatch | None = None,
        strain: float = 0.0,
    ) -> None:
        """What is to be said of ``got`` from now on; words for what is wrong may come later."""
        if len(self._seen) == MOST_SEEN:
            self._seen.clear()
        self._seen[id(got)] = _Seen(weakref.ref(got), right, found, strain)

    def _mismatch(self, got: torch.Tensor) -> Mismatch | None:
        if got.shape != self.low.shape:
            return self._differs(
                Fault.WRONG_SHAPE,
                f"has shape {tuple(got.shape)}, expected shape {tuple(self.low.shape)}",
            )
        if got.dtype != self.dtype:
            return self._differs(
                Fault.WRONG_DTYPE, f"has dtype {_name(got.dtype)}, expected {_name(self.dtype)}"
            )
        wide = got.double()
        fits = self.fits(wide)
        if fits.all():
            return None if self.adds_up(got) else self._differs(Fault.WRONG_VALUE, self._sums(wide))
        wrong = ~fits
        error = _errors(self.low, self.high, wide)
        # A NaN is the worst error there is; elsewhere the one that is most out of bounds.
        badness = torch.where(wide.isfinite(), error / (self.allowed + 1e-300), math.inf)
        at = int(torch.where(wrong, badness, -math.inf).argmax())
        index = _index(at, self.low.shape)
        seen, low, high = (t.reshape(-1)[at].item() for t in (wide, self.low, self.high))
        digits = next((d for d in (6, 10, 17) if f"{seen:.{d}g}" != f"{low:.{d}g}"), 17)
        right = f"{low:.{digits}g}" + ("" if low == high else f" to {high:.{digits}g}")
        measured = error.reshape(-1)[at].item()
        limit = self.allowed.reshape(-1)[at].item()
        count = int(wrong.sum())
        where = f" at {index}" if index else ""
        strange = not math.isfinite(seen) and math.isfinite(low)
        return self._differs(
            Fault.NOT_FINITE if strange else Fault.WRONG_VALUE,
            f"is {seen:.{digits}g}{where}, expected {right}; "
            f"{count} of {wrong.numel()} elements are wrong",
            measured if math.isfinite(measured) else None,
            limit,
            _place(at, self.low.shape),
        )

    def _differs(
        self,
        fault: Fault,
        how: str,
        measured: float | None = None,
        limit: float | None = None,
        place: tuple[int, ...] | None = None,
    ) -> Mismatch:
        fault = _FAULTS.get(self.quantity.kind, fault)
        words, shape = f"{self.quantity} {how}", tuple(self.low.shape)
        return Mismatch(fault, words, measured, limit, self.quantity, place, shape)

    def fits(self, wide: torch.Tensor) -> torch.Tensor:
        """Which elements of ``wide`` (float64, of the right shape) are as they may be."""
        errors = _errors(self.low, self.high, wide)
        return self._within(errors, self.limits(errors))

    def limits(self, errors: torch.Tensor) -> torch.Tensor:
        """What these errors are held against: ``least``, or ``allowed`` where they are larger."""
        if self.in_full is None or self._within(errors, self.least).all():
            return self.least
        return self.allowed

    def _within(self, errors: torch.Tensor, limits: torch.Tensor) -> torch.Tensor:
        fits = errors <= limits
        everywhere = self._everywhere_by_least if limits is self.least else self._everywhere
        return fits if everywhere else fits | _unjudged(self.low, self.high, limits)

    @cached_property
    def _everywhere_by_least(self) -> bool:
        """Whether all elements have numbers that are finite, but for what rounding does."""
        return _are_finite(self.low, self.high, self.least)

    @cached_property
    def _everywhere(self) -> bool:
        """Whether all elements are judged."""
        return _are_finite(self.low, self.high, self.allowed)

    def adds_up(self, got: torch.Tensor) -> bool:
        """Whether the elements add up to what they must."""
        if self.total is None:
            return True
        right, within = self.total
        return abs(float(got.double().sum()) - right) <= within

    def _sums(self, wide: torch.Tensor) -> str:
        right = self.total[0] if self.total else math.nan
        return (
            f"adds up to {float(wide.sum()):.6g}, expected {right:.6g}, however values that are "
            "equal share it"
        )

    def strain(self, got: torch.Tensor | None) -> float:
        """Largest error of a fitting answer relative to its limit, where a sheet has seen it."""
        seen = self._seen.get(id(got))
        return seen.strain if seen is not None and seen.what() is got else 0.0

    def largest_error(self, got: torch.Tensor) -> tuple[float, float]:
        """Largest error of a fitting answer relative to its limit: (error, limit) there."""
        errors = _errors(self.low, self.high, got.double())
        limits = self.limits(errors)
        at = int(_strains(errors.clone(), limits).argmax())
        error = errors.reshape(-1)[at].item()
        return max(error, 0.0), limits.reshape(-1)[at].item()


def _strains(errors: torch.Tensor, allowed: torch.Tensor) -> torch.Tensor:
    """Errors relative to what is allowed, in the place of ``errors``; 0 where there is none."""
    return errors.clamp_(min=0).div_(allowed + 1e-300).nan_to_num_(0.0, 0.0, 0.0)


class _Seen(NamedTuple):
    """What is known of one answer."""

    what: weakref.ref[torch.Tensor]
    right: bool
    # ``None`` where it is right, or the words were not asked for yet.
    found: Mismatch | None
    # Largest error relative to its limit.
    strain: float


def _are_finite(low: torch.Tensor, high: torch.Tensor, allowed: torch.Tensor) -> bool:
    finite = ((high + allowed) - (low - allowed)).isfinite()
    return bool(finite.all())


def _errors(low: torch.Tensor, high: torch.Tensor, wide: torch.Tensor) -> torch.Tensor:
    """How far each element lies beyond its bounds; at most 0 within, NaN where it is NaN."""
    error = low - wide
    return error.abs_() if high is low else torch.maximum(error, wide - high, out=error)


def _unjudged(low: torch.Tensor, high: torch.Tensor, allowed: torch.Tensor) -> torch.Tensor:
    """Which elements have no limits that are finite."""
    found = ~low.isfinite()
    if high is not low:
        found |= ~high.isfinite()
    return found.logical_or_(~allowed.isfinite())


class Sheet:
    """Expectations laid out one after the other, to hold all answers against them at once.

    Their tensors become views of the sheet's, so that they are not in memory twice.
    """

    def __init__(self, expected: Sequence[Expected]) -> None:
        self.expected = expected
        # Whether what rounding does was needed for the answers that were marked last.
        self.rounding_mattered = False
        sizes = [one.low.numel() for one in expected]
        self._sizes = torch.tensor(sizes)
        self._low, self._least = (self._laid_out(name, sizes) for name in ("low", "least"))
        self._high = self._low
        if any(one.high is not one.low for one in expected):
            self._high = self._laid_out("high", sizes)

    def _laid_out(self, name: str, sizes: list[int]) -> torch.Tensor:
        whole = torch.cat([getattr(one, name).reshape(-1) for one in self.expected])
        for one, piece in zip(self.expected, whole.split_with_sizes(sizes), strict=True):
            mine, narrow = piece.view(one.low.shape), one.high is one.low
            if narrow and name == "low":
                object.__setattr__(one, "high", mine)
            if not narrow or name != "high":
                object.__setattr__(one, name, mine)
        return whole

    @cached_property
    def _unjudged(self) -> torch.Tensor | None:
        """Of a boolean per element; ``None`` where all are judged, but for what rounding does."""
        if all(one._everywhere_by_least for one in self.expected):
            return None
        return _unjudged(self._low, self._high, self._least)

    def mark(self, answers: Sequence[torch.Tensor | None]) -> list[bool]:
        """Remember of every answer whether it fits; which ones do."""
        self.rounding_mattered = False
        usable = [
            got
            if got is not None and got.shape == one.low.shape and got.dtype == one.dtype
            else None
            for one, got in zip(self.expected, answers, strict=True)
        ]
        if not any(got is not None for got in usable):
            return [False] * len(usable)
        wide = torch.cat(
            [
                torch.full_like(one.low, math.nan).reshape(-1) if got is None else got.reshape(-1)
                for one, got in zip(self.expected, usable, strict=True)
            ]
        ).double()
        errors = _errors(self._low, self._high, wide)
        fits, limits = errors <= self._least, self._least
        if self._unjudged is not None:
            fits |= self._unjudged
        if not fits.all():
            limits = self._limits(fits, usable)
            fits = (errors <= limits).logical_or_(_unjudged(self._low, self._high, limits))
        none = itertools.repeat(0.0, len(usable))
        # How close it was is told of what is right altogether.
        missed, strains = (
            (none, self._most(_strains(errors, limits)))
            if fits.all()
            else (self._most((~fits).double()), none)
        )
        fitting = []
        for one, got, misses, strain in zip(self.expected, usable, missed, strains, strict=True):
            fitting.append(got is not None and not misses and one.adds_up(got))
            if got is not None:
                one.remember(got, fitting[-1], strain=strain)
        return fitting

    def _limits(self, fits: torch.Tensor, usable: Sequence[torch.Tensor | None]) -> torch.Tensor:
        """What is allowed, altogether where an answer is there that does not fit otherwise."""
        limits = self._least.clone()
        misses = self._most((~fits).double())
        pieces = limits.split_with_sizes(self._sizes.tolist())
        for one, got, missed, piece in zip(self.expected, usable, misses, pieces, strict=True):
            if missed and got is not None and one.in_full is not None:
                piece.copy_(one.allowed.reshape(-1))
                self.rounding_mattered = True
        return limits

    def _most(self, values: torch.Tensor) -> list[float]:
        """The greatest of ``values`` per expectation, at least 0."""
        found = torch.segment_reduce(values, "max", lengths=self._sizes, initial=0.0)
        most: list[float] = found.tolist()
        return most


RESULT = Quantity(QuantityKind.RESULT)
COTANGENT_AFTER_BACKWARD = Quantity(QuantityKind.COTANGENT_AFTER_BACKWARD)
BRANCH_GRADIENT = Quantity(QuantityKind.BRANCH_GRADIENT)
RANDOM_NUMBER = Quantity(QuantityKind.RANDOM_NUMBER)


def gradient_parts(expected: Sequence[Expected], call: int | None = None) -> dict[Part, Expected]:
    """Expected gradients by the names of an answer's parts, in the order of the leaves."""
    return {Part(Role.GRADIENT, i, call): one for i, one in enumerate(expected)}


def first_parts(expected: Sequence[Expected]) -> dict[Part, Expected]:
    """The same of first derivatives that come while a graph of them is made."""
    return {Part(Role.FIRST, i): one for i, one in enumerate(expected)}


def second_parts(expected: Sequence[Expected]) -> dict[Part, Expected]:
    """The same of second derivatives, of which the last one is for the incoming gradient."""
    *for_leaves, for_cotangent = expected
    return {**gradient_parts(for_leaves), part.COTANGENT_GRADIENT: for_cotangent}


def first_draw(seed: int) -> torch.Tensor:
    """What a generator that was just seeded gives next."""
    return torch.rand(4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def untouched(case: Case) -> dict[Part, Expected]:
    """The tensor arguments as they must be after the call, by the names of an answer's parts."""
    return {
        Part(Role.INPUT, i): Expected.exactly(Quantity(QuantityKind.INPUT_AFTER_CALL, name), tensor)
        for i, (name, tensor) in enumerate(case.handed_over.items())
    }


def untouched_around(question: Question) -> dict[Part, Expected]:
    """What lies beside its tensors and its incoming gradient, as it must be after the call."""
    found = {}
    for place, (name, tensor) in enumerate(question.case.handed_over.items()):
        inner = question.inner_of(name) if name in question.grad else None
        quantity = Quantity(QuantityKind.AROUND_INPUT, name)
        laid = (
            laid_out(tensor, *question.layout_of(name)) if inner is None else derived(tensor, inner)
        )
        if laid.whole is not None:
            found[Part(Role.AROUND, place)] = _outside(quantity, laid)
    for cotangent in question.cotangents[:1]:
        laid = laid_out(cotangent.value, cotangent.layout, cotangent.order)
        if laid.whole is not None:
            quantity = Quantity(QuantityKind.AROUND_COTANGENT)
            found[part.COTANGENT_AROUND] = _outside(quantity, laid)
    return found


def _outside(quantity: Quantity, laid: LaidOut) -> Expected:
    """All of the larger tensor but for the view, whose elements are judged by themselves."""
    assert laid.whole is not None
    value = laid.whole.double()
    inside = torch.zeros_like(laid.whole)
    view = inside.as_strided(laid.tensor.shape, laid.tensor.stride(), laid.tensor.storage_offset())
    view.fill_(1)
    allowed = torch.zeros_like(value).masked_fill(inside.bool(), math.inf)
    return Expected(quantity, value, value, allowed, laid.whole.dtype)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _place(at: int, shape: torch.Size) -> tuple[int, ...]:
    """Where the element number ``at`` lies."""
    places: list[int] = []
    for size in reversed(shape):
        at, place = divmod(at, size)
        places.insert(0, place)
    return tuple(places)


def _index(at: int, shape: torch.Size) -> str:
    places = _place(at, shape)
    return f"[{', '.join(map(str, places))}]" if places else ""


def _repeats(tensor: torch.Tensor) -> bool:
    """Whether two of its values are equal."""
    return tensor.numel() > 1 and len(torch.unique(tensor)) < tensor.numel()


def _between(
    one: Expected,
    own: torch.Tensor,
    bound: torch.Tensor,
    apart: Sequence[torch.Tensor],
    together: Sequence[torch.Tensor],
    leaf: torch.Tensor | None,
) -> Expected:
    """``one`` with what elements may be that share a gradient; ``bound`` is how far is the same.

    ``own`` is the reference's, of which a part is that of each element of ``leaf``.
    """
    values = torch.stack(list(apart))
    finite = values.isfinite().all(0)
    changed = ((values - own).abs() > bound).any(0) & finite
    if not changed.any():
        return one
    # In so few tries not each of many gets anything, or all there is to share.
    if leaf is not None:
        changed |= torch.isin(leaf.detach(), leaf.detach()[changed]) & finite
    least = torch.minimum(values.amin(0), own)
    most = torch.maximum(values.amax(0), own)
    whole = torch.maximum(least.abs(), most.abs()).amax() * torch.ones_like(least)
    least = torch.minimum(least, -whole * (least < 0).any())
    most = torch.maximum(most, whole * (most > 0).any())
    low = torch.where(changed, torch.minimum(least, one.low), one.low)
    high = torch.where(changed, torch.maximum(most, one.high), one.high)
    total, within = float(own.sum()), float((one.allowed + bound).sum())
    certain = all(abs(float(value.sum()) - total) <= within for value in together)
    return replace(one, low=low, high=high, total=(total, within) if certain else None)


def _either(left: Expected, right: Expected) -> Expected:
    """What both may be, and all between."""
    return replace(
        left,
        low=torch.minimum(left.low, right.low),
        high=torch.maximum(left.high, right.high),
        least=torch.maximum(left.least, right.least),
        total=None,
        in_full=lambda: torch.maximum(left.allowed, right.allowed),
    )


class _Handed(NamedTuple):
    """What an oracle is called with, and what of it has gradients."""

    arguments: tuple[Any, ...]
    leaves: dict[str, torch.Tensor]
    parameters: list[torch.Tensor]


class Reference:
    """The oracle evaluated on one case, in float64.

    ``rough`` expectations let pass what is off by a thousandth, and save finding out what
    rounding does.
    """

    def __init__(self, oracle: Oracle, case: Case, *, seed: int = 0, rough: bool = False) -> None:
        self.rough = rough
        self.oracle = oracle
        self.case = case
        self.seed = seed
        self.dtype = next(iter(case.tensors.values())).dtype

    @property
    def arguments(self) -> tuple[Any, ...]:
        """What the oracle is called with; the same at every call."""
        return self._handed.arguments

    @property
    def leaves(self) -> dict[str, torch.Tensor]:
        """Those of the arguments that are compared with an answer's, by name; in float64."""
        return self._handed.leaves

    @property
    def parameters(self) -> list[torch.Tensor]:
        """Those of the layers among the arguments."""
        return self._handed.parameters

    @cached_property
    def _handed(self) -> _Handed:
        names = {id(tensor): name for name, tensor in self.case.tensors.items()}
        leaves: dict[str, torch.Tensor] = {}
        parameters: list[torch.Tensor] = []
        arguments: list[Any] = []
        for place, value in enumerate(self.case.values):
            match value:
                case torch.Tensor() if id(value) not in names:
                    arguments.append(value.clone())
                case torch.Tensor():
                    leaf = value.detach().double().clone()
                    for named in self.case.listed.get(names[id(value)], ()):
                        # Compared with a number in its own dtype it is that number.
                        rounded = float(torch.tensor(named, dtype=torch.float64).to(value.dtype))
                        if math.isfinite(rounded):
                            leaf[leaf == rounded] = named
                    leaf.requires_grad_(names[id(value)] in self.case.differentiable)
                    leaves[names[id(value)]] = leaf
                    arguments.append(leaf)
                case Stack():
                    built = value.build(torch.float64)
                    parameters = list(layers.parameters(built))
                    arguments += built
                case Log():
                    arguments.append(lambda *_: None)
                case PlainValue():
                    arguments.append(value.copy())
                case LeftOut():
                    # What the scenario promises, not what the oracle would take.
                    arguments.append(getattr(self.case.entry.arguments[place], "default", None))
                case _:
                    arguments.append(value)
        return _Handed(tuple(arguments), leaves, parameters)

    def fresh(self) -> Reference:
        """The same with arguments of its own, which are made when they are needed."""
        other = copy.copy(self)
        other.__dict__.pop("_handed", None)
        return other

    def _expected(
        self, quantities: Sequence[Quantity], evaluate: Evaluate, floors: Sequence[float]
    ) -> list[Expected]:
        exact = [value.detach() for value in evaluate(self)]
        if self.rough:
            within = max(ROUGHLY, ROUGHLY_ROUNDED * rounding.unit_roundoff(self.dtype))
            return [
                Expected(quantity, value, value, within * (value.abs() + floor), self.dtype)
                for quantity, value, floor in zip(quantities, exact, floors, strict=True)
            ]
        rounded = _Rounded(self.fresh(), evaluate, floors)
        return [
            Expected(
                quantity,
                value,
                value,
                rounding.allowed_at_least(value, self.dtype, floor),
                self.dtype,
                in_full=partial(rounded.allowed, place),
            )
            for place, (quantity, value, floor) in enumerate(
                zip(quantities, exact, floors, strict=True)
            )
        ]

    def held(self) -> list[torch.Tensor]:
        """Tensors of few values, each of which the dtype can hold: an answer has the very same."""
        leaves = (self.leaves[name] for name in self.case.listed if name in self.leaves)
        return [leaf for leaf in leaves if rounding.holds(self.dtype, leaf)]

    def _reseed(self) -> None:
        if self.case.stack is not None and self.case.stack.random:
            torch.default_generator.manual_seed(self.seed)

    def value(self) -> torch.Tensor:
        """The exact result; random layers draw from the case's seed."""
        arguments = self.arguments  # before: layers draw numbers while they are made
        self._reseed()
        return self.oracle.value(arguments)

    def forward(self) -> Expected:
        """The result itself."""
        return self._expected([RESULT], lambda reference: [reference.value()], [1.0])[0]

    def gradients(
        self, cotangent: torch.Tensor, names: Sequence[str], *, with_parameters: bool = False
    ) -> list[Expected]:
        """Gradients for the named arguments, then for every parameter of the layers."""
        wide = cotangent.double()
        quantities = [Quantity(QuantityKind.GRADIENT, name) for name in names]
        if with_parameters:
            quantities += [
                Quantity(QuantityKind.PARAMETER_GRADIENT, str(place))
                for place in range(len(self.parameters))
            ]
        usual = wide.abs()[wide.abs() <= MOST_SIZE]
        floor = float(usual.max()) if usual.numel() else 0.0

        def evaluate(reference: Reference) -> list[torch.Tensor]:
            wanted = [reference.leaves[name] for name in names]
            wanted += reference.parameters if with_parameters else ()
            reference._reseed()
            return list(reference.oracle.gradients(reference.arguments, wide, tuple(wanted)))

        expected = self._expected(quantities, evaluate, [floor] * len(quantities))
        movable = (t for name, t in self.case.tensors.items() if name not in self.case.listed)
        if self.oracle.vjp is None and any(map(_repeats, movable)):
            own = [one.low for one in expected]
            parameters = len(quantities) - len(names)
            leaves = [*(self.leaves[name] for name in names), *[None] * parameters]
            expected = self._shared(expected, own, partial(evaluate, self), floor, leaves)
        return expected

    def subgradients(
        self, expected: Sequence[Expected], cotangent: torch.Tensor, names: Sequence[str]
    ) -> list[Expected]:
        """``expected`` with all that is right where the slope jumps, as at ties and at zero."""
        wide = cotangent.double()
        wanted = [self.leaves[name] for name in names]

        def evaluate() -> list[torch.Tensor]:
            return list(self.oracle.gradients(self.arguments, wide, tuple(wanted)))

        own = [value.detach() for value in evaluate()]
        floor = float(wide.abs().max()) if wide.numel() else 0.0
        return self._shared(list(expected), own, evaluate, floor, wanted, tries=THOROUGHLY)

    def chooses(self) -> bool:
        """Whether the result is another one as soon as values that are equal are not."""
        if not any(map(_repeats, self.case.tensors.values())):
            return False
        noise = generator(0, "chooses")

        def apart(leaf: torch.Tensor) -> torch.Tensor:
            moves = torch.rand(leaf.shape, generator=noise, dtype=torch.float64)
            # Upwards alone: what is compared with zero is on one side of it.
            return APART * moves * torch.where(leaf == 0, 1.0, leaf.abs())

        first, *others = [
            self._evaluated(lambda: [self.value()], apart)[0] for _ in range(THOROUGHLY)
        ]
        return any(not torch.equal(first, other) for other in others)

    def _shared(
        self,
        expected: list[Expected],
        own: Sequence[torch.Tensor],
        evaluate: Callable[[], list[torch.Tensor]],
        floor: float,
        leaves: Sequence[torch.Tensor | None],
        *,
        tries: int = 1,
    ) -> list[Expected]:
        """Where equal values share a gradient, as those of a maximum do, they may share it anyhow.

        Any convex combination of the subgradients is right; each element lies between those
        found when the values are moved apart, and their sum is what it is when they are moved
        together.
        """
        noise = generator(0, "apart")

        def apart(leaf: torch.Tensor) -> torch.Tensor:
            moves = torch.rand(leaf.shape, generator=noise, dtype=torch.float64)
            return APART * (2 * moves - 1) * torch.where(leaf == 0, 1.0, leaf)

        try:
            found = [self._evaluated(evaluate, apart) for _ in range(tries)]
        except OracleError:
            return expected  # a reference need not take what is a hair beyond its range

        def bounds(limits: Sequence[torch.Tensor]) -> list[torch.Tensor]:
            return [
                CHANGED * (exact.abs() + floor) + limit
                for limit, exact in zip(limits, own, strict=True)
            ]

        def changed(same: Sequence[torch.Tensor]) -> bool:
            return any(
                bool(((value - exact).abs() > bound).any())
                for values in found
                for value, exact, bound in zip(values, own, same, strict=True)
            )

        if not changed(bounds([one.least for one in expected])):
            return expected
        same = bounds([one.allowed for one in expected])
        if not changed(same):
            return expected
        found += [self._evaluated(evaluate, apart) for _ in range(TRIES - tries)]
        together = [
            self._evaluated(evaluate, partial(torch.full_like, fill_value=side * APART))
            for side in (-1, 1)
        ]
        return [
            _between(
                one,
                own[place],
                bound,
                [values[place] for values in found],
                [t[place] for t in together],
                leaves[place],
            )
            for place, (one, bound) in enumerate(zip(expected, same, strict=True))
        ]

    def _evaluated(
        self,
        evaluate: Callable[[], list[torch.Tensor]],
        move: Callable[[torch.Tensor], torch.Tensor],
    ) -> list[torch.Tensor]:
        """What ``evaluate`` gives with the leaves moved by what ``move`` makes of them.

        Those of few values stay: moved by a hair they equal none of them.
        """
        movable = {n: leaf for n, leaf in self.leaves.items() if n not in self.case.listed}
        kept = {name: leaf.detach().clone() for name, leaf in movable.items()}
        ranges = {
            argument.name: (argument.low, argument.high)
            for argument in self.case.entry.arguments
            if isinstance(argument, TensorArgument)
        }
        with torch.no_grad():
            for name, leaf in movable.items():
                leaf.add_(move(kept[name]))
                if leaf.numel() and name in ranges:  # a reference need not know what is beyond
                    low, high = ranges[name]
                    least, most = float(kept[name].min()), float(kept[name].max())
                    leaf.clamp_(min(low, least), max(high, most))
        try:
            return [value.detach() for value in evaluate()]
        finally:
            with torch.no_grad():
                for name, leaf in movable.items():
                    leaf.copy_(kept[name])

    def gradients_at_kinks(
        self, cotangent: torch.Tensor, names: Sequence[str], kinks: Mapping[str, Sequence[float]]
    ) -> list[Expected]:
        """Gradients where any value between the one-sided derivatives at ``kinks`` is right."""
        unit = rounding.unit_roundoff(self.dtype)
        blurred, step = KINK_BLUR * unit, max(KINK_STEP, KINK_CLEAR * unit)
        sides = []
        for direction in (-1, 1):
            values = []
            for argument, value in zip(self.case.entry.arguments, self.case.values, strict=False):
                if argument.name in self.case.tensors and argument.name not in self.case.listed:
                    value = self.case.tensors[argument.name].double().clone()
                    for kink in kinks.get(argument.name, ()):
                        # Near it rounding decides, and moved by an ulp it may round back.
                        beyond = kink + direction * step * max(1.0, abs(kink))
                        at_kink = (value - kink).abs() <= blurred * abs(kink)
                        value = torch.where(at_kink, beyond, value)
                values.append(value)
            sides.append(self._moved(values).gradients(cotangent, names))
        return [_either(left, right) for left, right in zip(*sides, strict=True)]

    def _moved(self, values: Sequence[Value]) -> Reference:
        """The same reference at other values, for answers in the same dtype."""
        moved = Reference(
            self.oracle,
            Case(self.case.entry, tuple(values), ""),
            seed=self.seed,
            rough=self.rough,
        )
        moved.dtype = self.dtype
        return moved

    def second_gradients(
        self, cotangent: torch.Tensor, outer: Sequence[torch.Tensor], names: Sequence[str]
    ) -> list[Expected]:
        """Gradients of Σ⟨outer, vjp⟩ for the named arguments, then for the cotangent."""
        wide = cotangent.double().clone().requires_grad_()
        weights = [weight.double() for weight in outer]

        def evaluate(reference: Reference) -> list[torch.Tensor]:
            wanted = tuple(reference.leaves[name] for name in names)
            return reference.oracle.second_gradients(reference.arguments, wide, weights, wanted)

        largest = max(float(w.abs().max()) for w in weights) if weights[0].numel() else 0.0
        floor = largest * max(1.0, float(wide.detach().abs().max())) if wide.numel() else 0.0
        quantities = [Quantity(QuantityKind.SECOND_DERIVATIVE, name) for name in names]
        quantities.append(Quantity(QuantityKind.COTANGENT_DERIVATIVE))
        return self._expected(quantities, evaluate, [floor] * len(quantities))


# What an oracle gives, all at once.
Evaluate = Callable[[Reference], list[torch.Tensor]]


class _Rounded:
    """How far from what an oracle gives an answer may be, found out when it is asked for."""

    def __init__(self, reference: Reference, evaluate: Evaluate, floors: Sequence[float]) -> None:
        self.reference = reference
        self.evaluate = evaluate
        self.floors = floors

    def allowed(self, place: int) -> torch.Tensor:
        """That of the tensor at ``place``. Raises ``OracleError``."""
        return self._allowed[place]

    @cached_property
    def _allowed(self) -> list[torch.Tensor]:
        reference = self.reference.fresh()
        dtype = reference.dtype
        with torch.random.fork_rng(devices=[]):
            exact = [value.detach() for value in self.evaluate(reference)]
            again = partial(self.evaluate, reference)
            spreads = rounding.spread(again, exact, dtype, reference.held())
        return [
            rounding.allowed(value, spread, dtype, floor)
            for value, spread, floor in zip(exact, spreads, self.floors, strict=True)
        ]

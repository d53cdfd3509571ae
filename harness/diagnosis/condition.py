"""Where an answer is wrong: the property that every failing trial has and no passing one.

A condition on trials (``for float32 inputs``) tells trials apart; a condition
on elements (``where x < 0``) tells the elements of their tensors apart.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch

from harness.diagnosis.operand import INCOMING, Operand, OperandKind, number
from harness.diagnosis.sample import Moment, Sample
from harness.model import (
    Argument,
    IndexArgument,
    MaskArgument,
    NumberArgument,
    TensorArgument,
    ValueArgument,
)
from harness.numerics.expectation import RESULT
from harness.numerics.inputs import LeftOut, PlainValue, Value
from harness.numerics.plain.asking import same
from harness.numerics.plain.difference import shown
from harness.numerics.plain.drawing import always_asked
from harness.numerics.question import Question

# A threshold that separates fewer cases on either side is no evidence.
ENOUGH = 3
# Two things at once meet no passing call by chance where there are but few.
ENOUGH_TOGETHER = 8
ENOUGH_ORDERS = 20
ENOUGH_ELEMENTS = 5


class AskedCall(NamedTuple):
    """What was asked, and when in a sequence of calls."""

    question: Question
    moment: Moment | None = None


@dataclass(frozen=True)
class Trait:
    """Something that can be so or not in one call."""

    # Follows a statement, e.g. ``for float32 inputs``.
    words: str
    holds: Callable[[AskedCall], bool]


def separates(failing: Sequence[AskedCall], passing: Sequence[AskedCall]) -> str | None:
    """What all of ``failing`` and none of ``passing`` have; ``None`` where there is nothing."""
    if not failing or not passing:
        return None
    for trait in _traits(failing[0]):
        if all(map(trait.holds, failing)) and not any(map(trait.holds, passing)):
            return trait.words
    if len(failing) >= ENOUGH and len(passing) >= ENOUGH:
        found = _threshold(failing, passing)
        if found is not None:
            return found
    return _together(failing, passing) if len(passing) >= ENOUGH_TOGETHER else None


def _together(failing: Sequence[AskedCall], passing: Sequence[AskedCall]) -> str | None:
    """What a mask, an index or a listed value has to do with it, perhaps beside a plain value."""
    held = [
        trait for trait in _of_contents(failing[0]) if all(trait.holds(call) for call in failing)
    ]
    plain = [trait for trait in _of_plain(failing[0]) if all(trait.holds(call) for call in failing)]
    pairs = [*itertools.product(plain, held), *itertools.combinations(plain, 2)]
    for both in [*((one,) for one in held), *pairs]:
        if not any(all(trait.holds(call) for trait in both) for call in passing):
            return " ".join(trait.words for trait in both)
    return None


def sees_all(failing: Sequence[Sample], passing: Sequence[Sample]) -> bool:
    """Whether what tells the calls apart, if it is in the arguments, would have been found.

    Of masks, indices and plain values only some of what they may have to do with it is looked
    at; where the same is asked again, nothing but what was before can make a difference.
    """
    arguments = failing[0].question.case.entry.arguments
    if not any(map(_is_varied, arguments)):
        return True
    return any(_are_alike(one.question, other.question) for one in failing for other in passing)


def _is_varied(argument: Argument) -> bool:
    listed = isinstance(argument, TensorArgument) and bool(argument.only)
    return listed or isinstance(argument, MaskArgument | IndexArgument | ValueArgument)


def _are_alike(one: Question, other: Question) -> bool:
    """Whether both are calls with equal arguments and one incoming gradient."""
    mine, theirs = one.case, other.case
    if mine.told != theirs.told or len(one.cotangents) != len(other.cotangents):
        return False
    tensors = [*mine.handed_over.values(), *(c.value for c in one.cotangents)]
    others = [*theirs.handed_over.values(), *(c.value for c in other.cotangents)]
    return all(
        a.dtype == b.dtype and torch.equal(a, b) for a, b in zip(tensors, others, strict=True)
    )


def _traits(first: AskedCall) -> Iterator[Trait]:
    yield from _of_calls(first)
    dtype = _dtype(first)
    name = str(dtype).removeprefix("torch.")
    yield Trait(f"for {name} inputs", lambda call: _dtype(call) == dtype)
    yield from _of_layout(first)
    yield from _of_grad(first)
    yield from _SHAPES
    yield from _of_values(first)


def _of_calls(first: AskedCall) -> Iterator[Trait]:
    if first.moment is not None:
        yield Trait(str(first.moment), lambda call: call.moment == first.moment)
        yield Trait("when calls are interleaved or repeated", lambda call: call.moment is not None)
    target = first.question.overwrite
    if target:
        name = list(first.question.case.handed_over)[int(target)] if target.isdigit() else None
        yield Trait(
            f"when {name or f'the {target}'} is overwritten between the call and backward",
            lambda call: call.question.overwrite == target,
        )
        yield Trait(
            "when an input is overwritten between the call and backward",
            lambda call: call.question.overwrite not in (None, "result"),
        )
        yield Trait(
            "when a tensor is overwritten between the call and backward",
            lambda call: call.question.overwrite is not None,
        )
    yield Trait(
        "when nothing requires grad",
        lambda call: not call.question.grad and bool(call.question.case.differentiable),
    )
    yield Trait(
        "when the input is the result of another operation",
        lambda call: call.question.inner is not None,
    )
    yield Trait("inside a larger graph", lambda call: call.question.ask == "in_graph")


def _dtype(call: AskedCall) -> torch.dtype | None:
    return next((t.dtype for t in call.question.case.tensors.values()), None)


# --------------------------------------------------------------------------
# Memory layouts

# Tensors with the layouts that they come in, and the order of dimensions these are made in.
Laid = list[tuple[torch.Tensor, str | None, Sequence[int]]]
# In words, for layouts that amount to it.
LAYOUTS: tuple[tuple[str, frozenset[str]], ...] = (
    ("transposed (not contiguous) in memory", frozenset({"transposed"})),
    ("permuted (not contiguous) in memory", frozenset({"permuted"})),
    ("strided (not contiguous) in memory", frozenset({"strided"})),
    ("sliced (not contiguous) in memory", frozenset({"sliced"})),
    ("not at the start of its memory", frozenset({"offset"})),
    ("expanded (stride 0) in memory", frozenset({"expanded"})),
    ("expanded (stride 0)", frozenset({"expanded", "filled"})),
    ("not contiguous", frozenset({"transposed", "permuted", "strided", "sliced"})),
)
UNTIDY = frozenset({"transposed", "permuted", "strided", "sliced", "expanded", "filled"})


def _inputs(call: AskedCall) -> Laid:
    return [laid for name in call.question.case.tensors for laid in _input(call, name)]


def _input(call: AskedCall, name: str) -> Laid:
    question = call.question
    layout, order = question.layouts.get(name), question.orders.get(name, ())
    return [(question.case.tensors[name], layout, order)]


def _cotangents(call: AskedCall) -> Laid:
    return [(c.value, c.layout, c.order) for c in call.question.cotangents]


def _everything(call: AskedCall) -> Laid:
    return _inputs(call) + _cotangents(call)


def _of_layout(first: AskedCall) -> Iterator[Trait]:
    for words, layouts in LAYOUTS:
        yield _laid_out(f"when an input is {words}", _inputs, layouts)
        yield _laid_out(f"when the incoming gradient is {words}", _cotangents, layouts)
    for name in first.question.case.tensors:
        yield _laid_out(f"when {name} is not contiguous", partial(_input, name=name), UNTIDY)
    for what, tensors in (
        ("an input", _inputs),
        ("the incoming gradient", _cotangents),
        ("an input or the incoming gradient", _everything),
    ):
        yield _laid_out(f"when {what} is not contiguous", tensors, UNTIDY)
    yield _laid_out(
        "when an input is not laid out in memory in one piece from its start",
        _inputs,
        UNTIDY | {"offset"},
    )


def _laid_out(words: str, tensors: Callable[[AskedCall], Laid], layouts: frozenset[str]) -> Trait:
    """Whether one of ``tensors`` comes in one of ``layouts``."""
    return Trait(
        words,
        lambda call: any(
            layout in layouts and _matters(tensor, layout, order)
            for tensor, layout, order in tensors(call)
        ),
    )


def _matters(tensor: torch.Tensor, layout: str | None, order: Sequence[int]) -> bool:
    """Whether a layout shows: a row of one element is contiguous however it is strided."""
    match layout:
        case "transposed":
            return tensor.dim() > 1 and tensor.shape[-1] > 1 and tensor.shape[-2] > 1
        case "strided" | "filled":
            return tensor.dim() > 0 and tensor.numel() > 1
        case "permuted":  # a dimension of size 1 lies wherever one says
            taken = [dim for dim in order if tensor.shape[dim] > 1]
            return taken != sorted(taken)
        case "sliced":
            return math.prod(tensor.shape[: order[0]]) > 1
        case "expanded":
            return tensor.dim() > 0 and tensor.shape[order[0] if order else 0] > 1
    return layout is not None


# --------------------------------------------------------------------------
# What requires grad, shapes, numbers


def _of_grad(first: AskedCall) -> Iterator[Trait]:
    names = first.question.case.differentiable
    for name in names if len(names) > 1 else ():
        yield from _of_one_grad(name)


def _of_one_grad(name: str) -> Iterator[Trait]:
    yield Trait(f"when only {name} requires grad", lambda call: call.question.grad == (name,))
    yield Trait(f"when {name} does not require grad", lambda call: name not in call.question.grad)


def _main(question: Question) -> torch.Tensor:
    """The argument with most dimensions, which says how large the case is."""
    return max(question.case.tensors.values(), key=lambda t: (t.dim(), t.numel()))


def _shaped(words: str, holds: Callable[[torch.Tensor], bool]) -> Trait:
    return Trait(words, lambda call: holds(_main(call.question)))


_SHAPES = (
    _shaped("for 0-d inputs", lambda t: t.dim() == 0),
    _shaped("for empty inputs", lambda t: t.numel() == 0),
    _shaped("for inputs with a single element", lambda t: t.numel() == 1),
    _shaped("for inputs with more than one element", lambda t: t.numel() > 1),
    _shaped("for more than one row (batch > 1)", lambda t: t.dim() > 1 and t.shape[0] > 1),
    _shaped(
        "when the last dimension has more than one element",
        lambda t: t.dim() > 0 and t.shape[-1] > 1,
    ),
    _shaped("for more than 1 dimension", lambda t: t.dim() > 1),
    _shaped("for more than 2 dimensions", lambda t: t.dim() > 2),
    _shaped("for more than 3 dimensions", lambda t: t.dim() > 3),
)


def _of_values(first: AskedCall) -> Iterator[Trait]:
    case = first.question.case
    for argument, value in zip(case.entry.arguments, case.values, strict=False):
        if isinstance(argument, NumberArgument) and isinstance(value, int | float):
            yield from _of_number(argument.name, value)
    yield from _of_plain(first)
    yield Trait("where what has a default is left out", _leaves_out)
    for layer in dict.fromkeys(_layers(first)):
        yield Trait(f"with a {layer} layer", partial(_has_layer, layer=layer))


def _of_number(name: str, value: float) -> Iterator[Trait]:
    yield Trait(f"for {name} = {value:g}", lambda call: number(call.question, name) == value)


def _of_plain(first: AskedCall) -> Iterator[Trait]:
    """Plain values that several calls have; one that was drawn comes up but once."""
    for argument in first.question.case.entry.values:
        value = _plain(first, argument)
        if any(same(value, one) for one in (*always_asked(argument.domain), argument.default)):
            words = f"for {argument.name} = {shown(value)}"
            yield Trait(words, partial(_has_value, argument=argument, value=value))


def _plain(call: AskedCall, argument: ValueArgument) -> Any:
    """The value that the argument has, which is its default where it is left out."""
    value = _given(call, argument.name)
    return value.value if isinstance(value, PlainValue) else argument.default


def _has_value(call: AskedCall, *, argument: ValueArgument, value: Any) -> bool:
    return same(_plain(call, argument), value)


def _of_contents(first: AskedCall) -> Iterator[Trait]:
    """What masks hold, and tensors that may have certain values."""
    for argument in first.question.case.entry.arguments:
        match argument:
            case MaskArgument():
                values: Sequence[float] = (False, True)
            case IndexArgument():
                values = argument.also
            case TensorArgument():
                values = argument.only
            case _:
                continue
        for value in values:
            told = str(value) if isinstance(value, bool) else f"{value:g}"
            words = f"where an element of {argument.name} is {told}"
            yield Trait(words, partial(_contains, name=argument.name, value=value))


def _contains(call: AskedCall, *, name: str, value: float) -> bool:
    tensor = call.question.case.handed_over[name]
    return bool((tensor == torch.tensor(value, dtype=tensor.dtype)).any())


def _leaves_out(call: AskedCall) -> bool:
    return any(isinstance(value, LeftOut) for value in call.question.case.values)


def _given(call: AskedCall, name: str) -> Value | None:
    case = call.question.case
    pairs = zip(case.entry.arguments, case.values, strict=False)
    return next((value for argument, value in pairs if argument.name == name), None)


def _layers(call: AskedCall) -> tuple[str, ...]:
    stack = call.question.case.stack
    return () if stack is None else stack.names


def _has_layer(call: AskedCall, *, layer: str) -> bool:
    return layer in _layers(call)


Measure = Callable[[Question], float | None]


def _elements(question: Question) -> float:
    return float(_main(question).numel())


def _largest_cotangent(question: Question) -> float | None:
    if not question.cotangents or not question.cotangents[0].value.numel():
        return None
    return float(question.cotangents[0].value.abs().max())


def _say_elements(above: bool, at: float) -> str:
    whole = math.floor(at) if above else math.ceil(at)
    return f"for inputs of {'more' if above else 'fewer'} than about {whole} elements"


def _say_cotangent(above: bool, at: float) -> str:
    return f"for an incoming gradient {'larger' if above else 'smaller'} than about {at:g}"


def _say_argument(above: bool, at: float, name: str) -> str:
    return f"for {name} {'>' if above else '<'} {at:g}"


def _threshold(failing: Sequence[AskedCall], passing: Sequence[AskedCall]) -> str | None:
    """The measure by which all of ``failing`` lie on one side of all of ``passing``."""
    names = [argument.name for argument in failing[0].question.case.entry.arguments]
    measures: list[tuple[Callable[[bool, float], str], Measure]] = [
        (_say_elements, _elements),
        (_say_cotangent, _largest_cotangent),
        *((partial(_say_argument, name=name), partial(number, name=name)) for name in names),
    ]
    for say, measure in measures:
        wrong = [value for call in failing if (value := measure(call.question)) is not None]
        right = [value for call in passing if (value := measure(call.question)) is not None]
        if len(wrong) < len(failing) or len(right) < len(passing):
            continue
        # So many orders of the values there are; one of them comes about by chance.
        if math.comb(len({*wrong, *right}), len(set(wrong))) < ENOUGH_ORDERS:
            continue
        if min(wrong) > max(right):
            return say(True, between(max(right), min(wrong)))
        if max(wrong) < min(right):
            return say(False, between(max(wrong), min(right)))
    return None


def between(low: float, high: float, scale: float = 0.0) -> float:
    """The roundest number strictly between; 0 where both are nothing next to ``scale``."""
    if low < 0 < high or max(abs(low), abs(high)) < 1e-6 * scale:
        return 0.0
    for digits in range(1, 17):
        middle = (low + high) / 2
        if low > 0 and high > 10 * low:
            middle = math.sqrt(low * high)
        candidate = float(f"{middle:.{digits}g}")
        if low < candidate < high:
            return candidate
    return (low + high) / 2


# --------------------------------------------------------------------------
# Elements

Holds = Callable[[torch.Tensor], torch.Tensor]
# Next to the largest, a size that nearly all values are beyond.
NEARLY_ALL = 1e-3


@dataclass(frozen=True)
class Region:
    """The part of a tensor's elements that is wrong."""

    # E.g. ``where x < 0``.
    words: str
    # Where it is, in a sample; ``None`` where the sample has no such region.
    mask: Callable[[Sample], torch.Tensor | None]


def region(samples: Sequence[Sample]) -> Region | None:
    """What tells wrong elements from right ones, over failing and passing samples."""
    usable = [s for s in samples if s.comparable and s.exact.numel()]
    first = next((s for s in usable if not s.right), None)
    if first is None:
        return None
    strength = _strength(usable)
    told = [(s, _telling(s, strength)) for s in usable]
    operands = [Operand(OperandKind.INPUT, name) for name in first.inputs]
    if first.quantity != RESULT:  # which comes before there is one
        operands.append(INCOMING)
    for operand in operands:
        if _values(first, operand) is not None:
            found = _by_value(operand, told)
            if found is not None:
                return found
    return _by_position(usable)


def _values(sample: Sample, operand: Operand) -> torch.Tensor | None:
    """The operand's values, element for element those of the sample."""
    values = operand.read(sample)
    return values if values is not None and values.shape == sample.exact.shape else None


def _telling(sample: Sample, strength: float) -> torch.Tensor:
    """Right elements at which the fault, were it there, would have shown."""
    return ~sample.wrong & (strength * sample.exact.abs() > 3 * sample.expected.allowed)


def _strength(samples: Sequence[Sample]) -> float:
    """How large a fault is, next to what is right, that a right element would have shown."""
    strengths = []
    for s in samples:
        if not s.right:
            here = s.wrong & s.wide.isfinite() & (s.exact != 0)
            strengths.append(((s.wide - s.exact) / s.exact)[here].abs())
    known = torch.cat(strengths)
    # What is NaN or wrong where zero is right shows wherever it is.
    return 0.3 * min(1.0, float(known.sort().values[len(known) // 2])) if len(known) else 0.3


def _by_value(operand: Operand, samples: Sequence[tuple[Sample, torch.Tensor]]) -> Region | None:
    """``samples`` come with the elements that are right and tell something."""
    wrong, right = [], []
    for s, telling in samples:
        values = _values(s, operand)
        if values is None:
            if not s.right:
                return None
            continue
        wrong.append(values[s.wrong])
        right.append(values[telling])
    w, r = torch.cat(wrong), torch.cat(right)
    found = _side(str(operand), w, r) if len(w) and len(r) else None
    if found is None:
        return None
    words, holds = found

    def mask(sample: Sample) -> torch.Tensor | None:
        values = _values(sample, operand)
        return None if values is None else holds(values)

    return Region(f"where {words}", mask)


def _side(name: str, wrong: torch.Tensor, right: torch.Tensor) -> tuple[str, Holds] | None:
    """The point, half-line or interval that holds all of ``wrong`` and none of ``right``."""
    point = wrong[0]
    few = len(wrong) < ENOUGH_ELEMENTS or len(right) < ENOUGH_ELEMENTS
    if len(wrong) == 1 and float(f"{point:.3g}") != float(point):
        return None  # a number that was drawn comes up but once, whatever is wrong
    if (few or point == 0) and (wrong == point).all():
        return None if (right == point).any() else (f"{name} is {point:g}", lambda v: v == point)
    if few:
        return None
    scale = max(float(wrong.abs().max()), float(right.abs().max()))
    for text, size in ((name, _itself), (f"|{name}|", torch.abs)):
        w, r = size(wrong), size(right)
        low, high = float(w.min()), float(w.max())
        least, most = float(r.min()), float(r.max())
        # Where zero itself is right, it is the limit.
        if high < least:
            at = between(high, least, scale) if least else 0.0
            return f"{text} < {at:.3g}", partial(_is_between, size=size, low=-math.inf, high=high)
        if low > most:
            at = between(most, low, scale) if most else 0.0
            if size is not _itself and 0 < at < NEARLY_ALL * scale:
                return None  # it holds for nearly every value that is asked
            return f"{text} > {at:.3g}", partial(_is_between, size=size, low=low, high=math.inf)
    return None


def _itself(values: torch.Tensor) -> torch.Tensor:
    return values


def _is_between(values: torch.Tensor, *, size: Holds, low: float, high: float) -> torch.Tensor:
    return (size(values) >= low) & (size(values) <= high)


def _by_position(samples: Sequence[Sample]) -> Region | None:
    failing = [s for s in samples if not s.right and s.exact.numel() > 1]
    masks = [(s, _last_element(s)) for s in failing]
    if masks and all(
        not (s.wrong & ~mask).any() and (s.wrong | ~_telling(s, 0.3))[mask].all()
        for s, mask in masks
    ):
        return Region("in the last element", _last_element)
    return None


def _last_element(sample: Sample) -> torch.Tensor:
    mask = torch.zeros(sample.exact.shape, dtype=torch.bool)
    mask.reshape(-1)[-1:] = True
    return mask

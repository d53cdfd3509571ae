"""Where an answer is wrong: the property that every failing trial has and no passing one.

A condition on trials (``for float32 inputs``) tells trials apart; a condition
on elements (``where x < 0``) tells the elements of their tensors apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from harness.diagnosis.sample import Sample
from harness.model import NumberArgument
from harness.numerics.inputs import Stack
from harness.numerics.question import Question

# A threshold that separates fewer cases on either side is no evidence.
ENOUGH = 3
ENOUGH_ELEMENTS = 5
LAYOUT_WORDS = {
    "transposed": "transposed (not contiguous)",
    "strided": "strided (not contiguous)",
    "offset": "not at the start of its memory",
    "expanded": "expanded (stride 0)",
    "filled": "one value expanded to all (stride 0)",
}
UNTIDY = frozenset({"transposed", "strided", "expanded", "filled"})


@dataclass(frozen=True)
class Trait:
    """Something that can be so or not in one trial."""

    # Follows a statement, e.g. ``for float32 inputs``.
    words: str
    holds: Callable[[Question, str], bool]


def separates(
    failing: Sequence[tuple[Question, str]], passing: Sequence[tuple[Question, str]]
) -> str | None:
    """What all of ``failing`` and none of ``passing`` have; each is (question, moment)."""
    if not failing or not passing:
        return None
    for trait in _traits(failing, passing):
        if all(trait.holds(*one) for one in failing) and not any(
            trait.holds(*one) for one in passing
        ):
            return trait.words
    return None


def _traits(
    failing: Sequence[tuple[Question, str]], passing: Sequence[tuple[Question, str]]
) -> Iterator[Trait]:
    first, moment = failing[0]
    yield from _of_calls(first, moment)
    yield from _of_dtype(first)
    yield from _of_layout(first)
    yield from _of_grad(first)
    yield from _of_shape()
    yield from _of_values(first)
    if len(failing) >= ENOUGH and len(passing) >= ENOUGH:
        yield from _thresholds(failing, passing)


def _of_calls(first: Question, moment: str) -> Iterator[Trait]:
    if moment:
        yield Trait(f"in the {moment}", lambda q, m: m == moment)
        yield Trait("when calls are interleaved or repeated", lambda q, m: bool(m))
    if first.overwrite:
        yield Trait(
            f"when {_overwritten(first)} is overwritten between the call and backward",
            lambda q, m: q.overwrite == first.overwrite,
        )
        yield Trait(
            "when an input is overwritten between the call and backward",
            lambda q, m: q.overwrite not in (None, "result"),
        )
        yield Trait(
            "when a tensor is overwritten between the call and backward",
            lambda q, m: q.overwrite is not None,
        )
    yield Trait("when arguments are passed by name", lambda q, m: q.keywords)
    yield Trait("under no_grad", lambda q, m: q.no_grad)
    yield Trait(
        "when nothing requires grad", lambda q, m: not q.grad and bool(q.case.differentiable)
    )
    yield Trait("when the input is the result of another operation", lambda q, m: q.inner)
    yield Trait("inside a larger graph", lambda q, m: q.ask == "in_graph")


def _overwritten(question: Question) -> str:
    """The tensor that is written to, by name."""
    target = str(question.overwrite)
    return list(question.case.tensors)[int(target)] if target.isdigit() else f"the {target}"


def _dtype(question: Question) -> torch.dtype | None:
    return next((t.dtype for t in question.case.tensors.values()), None)


def _of_dtype(first: Question) -> Iterator[Trait]:
    dtype = _dtype(first)
    name = str(dtype).removeprefix("torch.")
    yield Trait(f"for {name} inputs", lambda q, m: _dtype(q) == dtype)


def _of_layout(first: Question) -> Iterator[Trait]:
    for name, words in LAYOUT_WORDS.items():
        yield Trait(
            f"when an input is {words} in memory",
            lambda q, m, n=name: any(_matters(t, lay) and lay == n for t, lay in _inputs(q)),  # type: ignore[misc]
        )
        yield Trait(
            f"when the incoming gradient is {words} in memory",
            lambda q, m, n=name: any(  # type: ignore[misc]
                c.layout == n and _matters(c.value, n) for c in q.cotangents
            ),
        )
    for words, kinds in (
        ("expanded (stride 0)", {"expanded", "filled"}),
        ("not contiguous", {"transposed", "strided"}),
    ):
        yield Trait(
            f"when an input is {words}",
            lambda q, m, k=kinds: any(lay in k and _matters(t, lay) for t, lay in _inputs(q)),  # type: ignore[misc]
        )
        yield Trait(
            f"when the incoming gradient is {words}",
            lambda q, m, k=kinds: any(  # type: ignore[misc]
                c.layout in k and _matters(c.value, c.layout) for c in q.cotangents
            ),
        )
    for name in first.case.tensors:
        yield Trait(
            f"when {name} is not contiguous",
            lambda q, m, n=name: _untidy([(q.case.tensors[n], q.layouts.get(n))]),  # type: ignore[misc]
        )
    yield Trait("when an input is not contiguous", lambda q, m: _untidy(_inputs(q)))
    yield Trait(
        "when the incoming gradient is not contiguous",
        lambda q, m: _untidy([(c.value, c.layout) for c in q.cotangents]),
    )
    yield Trait(
        "when an input or the incoming gradient is not contiguous",
        lambda q, m: _untidy([*_inputs(q), *((c.value, c.layout) for c in q.cotangents)]),
    )
    yield Trait(
        "when an input is not laid out in memory in one piece from its start",
        lambda q, m: any(lay is not None and _matters(t, lay) for t, lay in _inputs(q)),
    )


Laid = tuple[torch.Tensor, str | None]


def _inputs(question: Question) -> list[Laid]:
    return [(t, question.layouts.get(name)) for name, t in question.case.tensors.items()]


def _untidy(tensors: Sequence[Laid]) -> bool:
    return any(layout in UNTIDY and _matters(t, layout) for t, layout in tensors)


def _matters(tensor: torch.Tensor, layout: str | None) -> bool:
    """Whether a layout shows: a row of one element is contiguous however it is strided."""
    match layout:
        case "transposed":
            return tensor.dim() > 1 and tensor.shape[-1] > 1 and tensor.shape[-2] > 1
        case "strided" | "filled":
            return tensor.dim() > 0 and tensor.numel() > 1
        case "expanded":
            return tensor.dim() > 0 and tensor.shape[0] > 1
    return layout is not None


def _of_grad(first: Question) -> Iterator[Trait]:
    names = first.case.differentiable
    for name in names:
        if len(names) > 1:
            yield Trait(f"when only {name} requires grad", lambda q, m, n=name: q.grad == (n,))  # type: ignore[misc]
            yield Trait(
                f"when {name} does not require grad",
                lambda q, m, n=name: n not in q.grad,  # type: ignore[misc]
            )
    yield Trait(
        "when only some inputs require grad",
        lambda q, m: 0 < len(q.grad) < len(q.case.differentiable),
    )


def _main(question: Question) -> torch.Tensor:
    """The argument with most dimensions, which says how large the case is."""
    return max(question.case.tensors.values(), key=lambda t: (t.dim(), t.numel()))


def _of_shape() -> Iterator[Trait]:
    yield Trait("for 0-d inputs", lambda q, m: _main(q).dim() == 0)
    yield Trait("for empty inputs", lambda q, m: _main(q).numel() == 0)
    yield Trait("for inputs with a single element", lambda q, m: _main(q).numel() == 1)
    yield Trait("for inputs with more than one element", lambda q, m: _main(q).numel() > 1)
    yield Trait(
        "for more than one row (batch > 1)",
        lambda q, m: _main(q).dim() > 1 and _main(q).shape[0] > 1,
    )
    yield Trait(
        "for a single row (batch = 1)", lambda q, m: _main(q).dim() > 1 and _main(q).shape[0] == 1
    )
    yield Trait(
        "when the last dimension has one element",
        lambda q, m: _main(q).dim() > 0 and _main(q).shape[-1] == 1,
    )
    yield Trait(
        "when the last dimension has more than one element",
        lambda q, m: _main(q).dim() > 0 and _main(q).shape[-1] > 1,
    )
    for count in (1, 2, 3):
        yield Trait(
            f"for more than {count} dimension{'s' * (count > 1)}",
            lambda q, m, c=count: _main(q).dim() > c,  # type: ignore[misc]
        )
    yield Trait(
        "when the last two dimensions differ",
        lambda q, m: _main(q).dim() > 1 and _main(q).shape[-1] != _main(q).shape[-2],
    )


def _of_values(first: Question) -> Iterator[Trait]:
    for argument, value in zip(first.case.entry.arguments, first.case.values, strict=False):
        if isinstance(argument, NumberArgument) and isinstance(value, int | float):
            name = argument.name
            yield Trait(
                f"for {name} = {value:g}",
                lambda q, m, n=name, v=value: number(q, n) == v,  # type: ignore[misc]
            )
            yield Trait(
                f"unless {name} is 1",
                lambda q, m, n=name: number(q, n) not in (1, None),  # type: ignore[misc]
            )
    numbers = [a for a in first.case.entry.arguments if isinstance(a, NumberArgument)]
    for argument in numbers:
        if argument.default is not None:
            yield Trait(
                f"when {argument.name} is left out",
                lambda q, m, n=argument.name: number(q, n) is None,  # type: ignore[misc]
            )
    stack = next((v for v in first.case.values if isinstance(v, Stack)), None)
    for layer in dict.fromkeys(stack.names) if stack else ():
        yield Trait(
            f"with a {layer} layer",
            lambda q, m, n=layer: q.case.stack is not None and n in q.case.stack.names,  # type: ignore[misc]
        )
    yield Trait("without layers", lambda q, m: q.case.stack is not None and not q.case.stack.names)


def number(question: Question, name: str) -> float | None:
    """A number argument, or a 0-d tensor."""
    for argument, value in zip(question.case.entry.arguments, question.case.values, strict=False):
        if argument.name == name:
            if isinstance(value, torch.Tensor) and value.dim() == 0:
                return float(value)
            if isinstance(value, int | float):
                return float(value)
    return None


Measure = Callable[[Question], float | None]


def _of_elements(above: bool, at: float) -> str:
    return f"for inputs of {'more' if above else 'fewer'} than about {_whole(at, above)} elements"


def _of_cotangent_size(above: bool, at: float) -> str:
    return f"for an incoming gradient {'larger' if above else 'smaller'} than about {at:g}"


def _thresholds(
    failing: Sequence[tuple[Question, str]], passing: Sequence[tuple[Question, str]]
) -> Iterator[Trait]:
    measures: list[tuple[Callable[[bool, float], str], Measure]] = [
        (_of_elements, lambda q: float(_main(q).numel())),
        (_of_cotangent_size, _largest_cotangent),
    ]
    first = failing[0][0]
    for argument in first.case.entry.arguments:
        measures.append(
            (
                lambda above, at, n=argument.name: f"for {n} {'>' if above else '<'} {at:g}",  # type: ignore[misc]
                lambda q, n=argument.name: number(q, n),  # type: ignore[misc]
            )
        )
    for say, measure in measures:
        wrong = [measure(q) for q, _ in failing]
        right = [measure(q) for q, _ in passing]
        if None in wrong or None in right:
            continue
        cut = _cut([w for w in wrong if w is not None], [r for r in right if r is not None])
        if cut is None:
            continue
        above, at = cut

        def holds(
            q: Question,
            m: str,
            measure: Measure = measure,
            above: bool = above,
            at: float = at,
        ) -> bool:
            value = measure(q)
            return value is not None and ((value > at) if above else (value < at))

        yield Trait(say(above, at), holds)


def _whole(at: float, above: bool) -> int:
    return math.floor(at) if above else math.ceil(at)


def _largest_cotangent(question: Question) -> float | None:
    if not question.cotangents or not question.cotangents[0].value.numel():
        return None
    return float(question.cotangents[0].value.abs().max())


def _cut(wrong: Sequence[float], right: Sequence[float]) -> tuple[bool, float] | None:
    """(whether wrong lies above, a round number between), if one side is all wrong."""
    if min(wrong) > max(right):
        return True, between(max(right), min(wrong))
    if max(wrong) < min(right):
        return False, between(max(wrong), min(right))
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
    failing = [s for s in usable if not s.right]
    if not failing:
        return None
    for name in _variables(failing[0]):
        found = _by_value(name, usable)
        if found is not None:
            return found
    return _by_position(usable)


def _variables(sample: Sample) -> list[str]:
    names = [name for name, tensor in sample.inputs.items() if tensor.shape == sample.exact.shape]
    cotangent = sample.cotangent
    if cotangent is not None and cotangent.shape == sample.exact.shape:
        names.append("the incoming gradient")
    return names


def _values(sample: Sample, name: str) -> torch.Tensor | None:
    values = sample.cotangent if name == "the incoming gradient" else sample.inputs.get(name)
    return values if values is not None and values.shape == sample.exact.shape else None


def _telling(sample: Sample, strength: float) -> torch.Tensor:
    """Right elements at which the fault, were it there, would have shown."""
    return ~sample.wrong & (strength * sample.exact.abs() > 3 * sample.expected.allowed)


def _by_value(name: str, samples: Sequence[Sample]) -> Region | None:
    strengths = []
    for s in samples:
        if not s.right:
            here = s.wrong & s.wide.isfinite() & (s.exact != 0)
            strengths.append(((s.wide - s.exact) / s.exact)[here].abs())
    known = torch.cat(strengths) if strengths else torch.empty(0)
    # What is NaN or wrong where zero is right shows wherever it is.
    strength = 0.3 * min(1.0, float(known.sort().values[len(known) // 2])) if len(known) else 0.3
    wrong, right = [], []
    for s in samples:
        values = _values(s, name)
        if values is None:
            if not s.right:
                return None
            continue
        wrong.append(values[s.wrong])
        right.append(values[_telling(s, strength)])
    w, r = torch.cat(wrong), torch.cat(right)
    if not len(w) or not len(r):
        return None
    found = _side(name, w, r)
    if found is None:
        return None
    words, holds = found

    def mask(sample: Sample) -> torch.Tensor | None:
        values = _values(sample, name)
        return None if values is None else holds(values)

    return Region(f"where {words}", mask)


Holds = Callable[[torch.Tensor], torch.Tensor]


def _side(name: str, w: torch.Tensor, r: torch.Tensor) -> tuple[str, Holds] | None:
    """The half-line, interval or point that holds all of ``w`` and none of ``r``."""
    if (w == 0).all() and not (r == 0).any():
        return f"{name} is 0", lambda v: v == 0
    if len(w) < ENOUGH_ELEMENTS or len(r) < ENOUGH_ELEMENTS:
        points = torch.unique(w)
        if len(points) == 1 and not (r == points[0]).any():
            return f"{name} is {points[0]:g}", lambda v: v == points[0]
        return None
    low, high = float(w.min()), float(w.max())
    scale = max(float(w.abs().max()), float(r.abs().max()))
    if high <= 0 and not (r <= high).any():
        nearest = float(r.min())
        at = between(high, nearest, scale) if nearest else 0.0
        return f"{name} < {at:.3g}", lambda v: v <= high
    if low >= 0 and not (r >= low).any():
        nearest = float(r.max())
        at = between(nearest, low, scale) if nearest else 0.0
        return f"{name} > {at:.3g}", lambda v: v >= low
    if float(w.abs().min()) > float(r.abs().max()):
        at = between(float(r.abs().max()), float(w.abs().min()))
        return f"|{name}| > {at:.3g}", lambda v: v.abs() > at
    if float(w.abs().max()) < float(r.abs().min()):
        at = between(float(w.abs().max()), float(r.abs().min()))
        return f"|{name}| < {at:.3g}", lambda v: v.abs() < at
    if low > float(r.max()):
        at = between(float(r.max()), low)
        return f"{name} > {at:.3g}", lambda v: v > at
    if high < float(r.min()):
        at = between(high, float(r.min()))
        return f"{name} < {at:.3g}", lambda v: v < at
    return None


def _by_position(samples: Sequence[Sample]) -> Region | None:
    failing = [s for s in samples if not s.right and s.exact.numel() > 1]
    places: tuple[tuple[str, Callable[[torch.Size], torch.Tensor]], ...] = (
        ("in the last element", lambda shape: _flat(shape, -1)),
        ("in the first element", lambda shape: _flat(shape, 0)),
        ("in all rows but the first", lambda shape: ~_row(shape, 0)),
        ("in the first row", lambda shape: _row(shape, 0)),
        ("in the last row", lambda shape: _row(shape, -1)),
        ("in all rows but the last", lambda shape: ~_row(shape, -1)),
        ("in all elements but the first", lambda shape: ~_flat(shape, 0)),
    )
    for words, at in places:
        pairs = [(s, at(s.exact.shape)) for s in failing]
        if (
            pairs
            and all(not (s.wrong & ~place).any() for s, place in pairs)
            and all(bool((s.wrong | ~_telling(s, 0.3))[place].all()) for s, place in pairs)
        ):
            return Region(words, lambda s, at=at: at(s.exact.shape))  # type: ignore[misc]
    return None


def _flat(shape: torch.Size, index: int) -> torch.Tensor:
    mask = torch.zeros(shape, dtype=torch.bool)
    mask.reshape(-1)[index] = True
    return mask


def _row(shape: torch.Size, index: int) -> torch.Tensor:
    mask = torch.zeros(shape, dtype=torch.bool)
    if mask.dim():
        mask[index] = True
    return mask

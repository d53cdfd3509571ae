"""What a wrong answer is instead of the right one: a factor, a sign, another quantity.

An effect predicts a whole tensor. It is taken for the cause only where the
prediction agrees, element by element, with what came in every failing trial.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from harness.diagnosis.number import Law, is_plain, law, same, written
from harness.diagnosis.operand import INCOMING, ONE, Operand, operands
from harness.diagnosis.sample import Array, ExactValues, Sample
from harness.model import NumberArgument, QuantityKind, TensorArgument
from harness.numerics.expectation import RESULT
from harness.numerics.inputs import Case
from harness.numerics.oracles import OracleError

Predict = Callable[[Sample], torch.Tensor | None]
TensorFunction = Callable[[torch.Tensor], torch.Tensor]
# A factor needs as many elements to be more than a coincidence.
ENOUGH = 4
# Elements of arguments beyond which factors alone are looked for, and other effects only held
# against: each takes a call of the reference or a pass over all of them, and there are hundreds.
MOST_ELEMENTS = 1 << 18
CLAMPS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 100.0, 1000.0)
CUTS = (1e-10, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5)


@dataclass(frozen=True)
class Deviation:
    """What came instead."""

    # Follows the name of the quantity, e.g. ``is 0.5 times the right one``.
    words: str
    predict: Predict
    # What that tells, e.g. ``a factor 2 is missing``; may be empty.
    hint: str = ""
    # Factor on the right one, in words; empty where it is none.
    factor: str = ""
    # Whether ``words`` end in the right one, so that "everywhere" may follow.
    changes_the_right_one: bool = False
    is_zero: bool = False
    # Names the prediction where it is the same whatever came; ``None`` where it is not.
    key: Hashable = None


def find(samples: Sequence[Sample], exact: ExactValues) -> Iterator[Deviation]:
    """The effects that account for every sample, plainest first."""
    # Small ones first: what does not account for them is not worked out for large ones.
    samples = sorted(samples, key=lambda sample: sample.case.elements > MOST_ELEMENTS)
    looked_for = [_factors(samples)]
    if few := [sample for sample in samples if sample.case.elements <= MOST_ELEMENTS]:
        looked_for += [map(_remembering, _candidates(few, exact)), _estimated(few)]
    for effect in itertools.chain.from_iterable(looked_for):
        if all(sample.explained_by(effect.predict(sample)) for sample in samples):
            yield effect


def _remembering(effect: Deviation) -> Deviation:
    """The same, with predictions kept beside what is expected: the next submission needs them."""

    def predict(sample: Sample) -> torch.Tensor | None:
        known: dict[Hashable, torch.Tensor | None]
        known = vars(sample.expected).setdefault("_predictions", {})
        if effect.key not in known:
            known[effect.key] = effect.predict(sample)
        return known[effect.key]

    return replace(effect, predict=predict)


# --------------------------------------------------------------------------
# Factors


@dataclass(frozen=True)
class Ratio:
    """What came over the right one, and how well the sample knows it (relative)."""

    value: float
    within: float


def _ratio(sample: Sample) -> Ratio | None:
    """Median over the elements that are large enough to tell."""
    # In numpy, as the tensors are small and many.
    by, wide, allowed = (
        tensor.numpy() for tensor in (sample.exact, sample.wide, sample.expected.allowed)
    )
    here = np.isfinite(by) & np.isfinite(wide) & (by != 0)
    if sample.mask is not None:
        here &= sample.mask.numpy()
    if not here.any():
        return None
    size = np.abs(by)
    large = here & (size >= 1e-2 * size[here].max())
    with np.errstate(all="ignore"):
        unsure, value = (
            _median(top[large] / down[large]) for top, down in ((allowed, size), (wide, by))
        )
    return Ratio(value, max(1e-9, min(1e-2, unsure / max(abs(value), 1e-300))))


def _median(values: Array) -> float:
    """The lower one of the two in the middle."""
    return float(np.sort(values)[(len(values) - 1) // 2])


def _factors(samples: Sequence[Sample]) -> Iterator[Deviation]:
    if all(map(_is_zero, samples)):
        yield Deviation("is zero", lambda s: torch.zeros_like(s.exact), is_zero=True)
    pairs = [(sample, found) for sample in samples if (found := _ratio(sample)) is not None]
    if not pairs:
        return
    # That of the sample that knows it best.
    best = min((found for _, found in pairs), key=lambda found: found.within).value
    elements = sum(s.exact.numel() for s, _ in pairs)
    if all(same(found.value, best, max(1e-6, found.within)) for _, found in pairs):
        if elements >= ENOUGH or is_plain(best):
            yield _factor(best)
        return
    named = law([s for s, _ in pairs], [found.value for _, found in pairs])
    if named is not None:
        yield _times(str(named), _hint_of_law(named), partial(_by_law, law=named))


def _by_law(sample: Sample, *, law: Law) -> torch.Tensor | None:
    factor = law.factor(sample)
    return None if factor is None else factor * sample.exact


def _times(factor: str, hint: str, predict: Predict) -> Deviation:
    words = f"is {factor} times the right one"
    return Deviation(words, predict, hint, factor=factor, changes_the_right_one=True)


def _is_zero(sample: Sample) -> bool:
    """Zero, or so small beside what is right that only rounding is left."""
    fits = sample.wide.abs() <= sample.expected.allowed.abs()
    return bool((fits if sample.mask is None else fits[sample.mask]).all())


def _factor(value: float) -> Deviation:
    if same(value, -1.0):
        return Deviation("has the wrong sign", lambda s: -s.exact)
    if same(value, 1.0):
        # Written as a number it would be 1.
        hint = "as with a constant in float32" if abs(value - 1) < torch.finfo().eps else ""
        return replace(
            _times(f"{value:.12g}", hint, lambda s: value * s.exact),
            words=f"is off by {abs(value - 1):.1g} of its value",
        )
    if abs(abs(value) - 1) < 1e-2 or value == 0:
        hint = ""
    elif is_plain(value) and abs(value) > 1 and not same(1 / value, round(1 / value)):
        hint = f"a factor {written(value)} too many"
    else:
        hint = f"a factor {written(1 / value)} is missing"
    return _times(written(value), hint, lambda s: value * s.exact)


def _hint_of_law(law: Law) -> str:
    """What to say of a factor that depends on the case."""
    if law.divides and law.number.counts:
        return f"averaged where it should be summed, or divided by {law.number} once too often"
    if law.divides:
        return f"a factor {law.number} is missing"
    if law.number.counts:
        return "summed where it should be averaged, or multiplied by it once too often"
    return f"a factor {law.number} too many"


# --------------------------------------------------------------------------
# Ready-made candidates


def _candidates(samples: Sequence[Sample], exact: ExactValues) -> Iterator[Deviation]:
    def made(
        words: str, hint: str, function: Callable[..., torch.Tensor | None], **given: Any
    ) -> Deviation:
        predict = partial(function, exact=exact, **given)
        return Deviation(words, predict, hint, key=(function, *given.values()))

    first = samples[0]
    kind = first.quantity.kind
    if kind is QuantityKind.GRADIENT:
        for other in first.case.differentiable:
            if other != first.argument:
                words = f"is the gradient of {other}"
                yield made(words, "the two are swapped", _of, other=other)
        for words, hint, change in _CHANGED_COTANGENTS:
            yield made(words, hint, _at_cotangent, change=change)
    names = first.question.grad
    if kind is QuantityKind.SECOND_DERIVATIVE and len(names) > 1:
        for through in names:
            words = f"lacks what comes through the gradient of {through}"
            hint = (
                f"backward treats the gradient of {through} as a constant (detached, or computed "
                "outside the graph)"
            )
            yield made(words, hint, _without_share, through=through)
    if kind in (QuantityKind.GRADIENT, QuantityKind.RESULT):
        for name, value in _other_values(first):
            words = f"is that for {name} = {value:g}"
            yield made(words, f"{name} is ignored", _at_value, name=name, value=value)
    for words, hint, change in _REARRANGED:
        rearranged = partial(_rearranged, change=change)
        yield Deviation(words, rearranged, hint, key=(_rearranged, change))


def _of(sample: Sample, *, exact: ExactValues, other: str) -> torch.Tensor | None:
    """The right gradient of another argument of the same call."""
    if sample.cotangent is None:
        return None
    return exact.vjp(sample.case, sample.cotangent, other, sample.question.seed)


def _at_cotangent(
    sample: Sample, *, exact: ExactValues, change: TensorFunction
) -> torch.Tensor | None:
    """The right gradient for another incoming gradient."""
    if sample.cotangent is None or sample.argument is None:
        return None
    changed = change(sample.cotangent).expand(sample.cotangent.shape)
    return exact.vjp(sample.case, changed, sample.argument, sample.question.seed)


def _without_above(g: torch.Tensor, cut: float) -> torch.Tensor:
    return torch.where(g.abs() > cut, 0.0, g)


def _clamped(g: torch.Tensor, bound: float) -> torch.Tensor:
    return g.clamp(-bound, bound)


def _without_last(tensor: torch.Tensor) -> torch.Tensor:
    kept = tensor.clone(memory_format=torch.contiguous_format)
    kept.reshape(-1)[-1:] = 0
    return kept


def _first_row(tensor: torch.Tensor) -> torch.Tensor:
    return tensor[:1] if tensor.dim() else tensor


_NOT_LINEAR = "it is not linear in it"
# Words, hint, and what is made of the incoming gradient.
_CHANGED_COTANGENTS: tuple[tuple[str, str, TensorFunction], ...] = (
    (
        "ignores the incoming gradient",
        "it is what an incoming gradient of 1 would give",
        torch.ones_like,
    ),
    ("uses the absolute value of the incoming gradient", _NOT_LINEAR, torch.abs),
    ("uses the square of the incoming gradient", _NOT_LINEAR, torch.square),
    ("uses only the sign of the incoming gradient", _NOT_LINEAR, torch.sign),
    ("drops negative incoming gradients", _NOT_LINEAR, lambda g: g.clamp(min=0)),
    *(
        (f"clamps the incoming gradient to ±{b:g}", _NOT_LINEAR, partial(_clamped, bound=b))
        for b in CLAMPS
    ),
    *(
        (f"drops incoming gradients above {cut:g}", _NOT_LINEAR, partial(_without_above, cut=cut))
        for cut in CUTS
    ),
    (
        "is divided by the largest incoming gradient",
        _NOT_LINEAR,
        lambda g: g / g.abs().max() if g.numel() else g,
    ),
    ("rounds the incoming gradient to float32", "", lambda g: g.float().double()),
    ("uses the mean of the incoming gradient", "", torch.mean),
    ("uses the sum of the incoming gradient", "", torch.sum),
    ("spreads the first row of the incoming gradient over all rows", "", _first_row),
    ("leaves out the last element of the incoming gradient", "", _without_last),
)


def _without_share(sample: Sample, *, exact: ExactValues, through: str) -> torch.Tensor | None:
    """A second derivative that lacks what comes through one of the first ones."""
    if sample.argument is None or through not in sample.question.grad:
        return None
    cotangent, *outer = (c.value for c in sample.question.cotangents)
    weight = outer[sample.question.grad.index(through)]
    return sample.exact - exact.second_part(
        sample.case, cotangent, weight, through, sample.argument
    )


def _other_values(sample: Sample) -> Iterator[tuple[str, float]]:
    """Number parameters with values that a formula without them amounts to."""
    for argument in sample.case.entry.arguments:
        if isinstance(argument, NumberArgument):
            values = [1.0, 0.0, *argument.values]
            if argument.default is not None:
                values.insert(0, argument.default)
            for value in dict.fromkeys(float(v) for v in values):
                yield argument.name, value
        elif isinstance(argument, TensorArgument) and argument.shape == ():
            yield argument.name, 1.0


def _at_value(
    sample: Sample, *, exact: ExactValues, name: str, value: float
) -> torch.Tensor | None:
    """What would be right if the argument ``name`` were ``value``."""
    values = list(sample.case.values)
    for place, argument in enumerate(sample.case.entry.arguments[: len(values)]):
        given = values[place]
        if argument.name == name and isinstance(given, torch.Tensor):
            values[place] = torch.full_like(given, value)
        elif argument.name == name and isinstance(given, int | float):
            values[place] = type(given)(value)
    case = Case(sample.case.entry, tuple(values), "")
    try:
        if sample.quantity == RESULT:
            return exact.value(case, sample.question.seed)
        if sample.cotangent is None or sample.argument is None:
            return None
        return exact.vjp(case, sample.cotangent, sample.argument, sample.question.seed)
    except OracleError:
        return None  # the reference does not take such a value


def _rearranged(sample: Sample, *, change: TensorFunction) -> torch.Tensor:
    return change(sample.exact).expand(sample.exact.shape)


# Words, hint, and what is made of the right answer.
_REARRANGED: tuple[tuple[str, str, TensorFunction], ...] = (
    ("is the absolute value of the right one", "", torch.abs),
    ("is the sum of the right one, in every element", "", torch.sum),
    ("is the first row of the right one, in every row", "", _first_row),
    (
        "is the right one averaged over rows, in every row",
        "",
        lambda right: right.mean(0, keepdim=True) if right.dim() else right,
    ),
    ("lacks its last element", "", _without_last),
    (
        "has float32's precision only",
        "something is computed in, or rounded to, float32",
        lambda right: right.float().double(),
    ),
)


# --------------------------------------------------------------------------
# Effects with a number or a quantity to find


def _estimated(samples: Sequence[Sample]) -> Iterator[Deviation]:
    yield from _clipped(samples)
    yield from _rounded()
    yield from _multiplied(samples)
    yield from _replaced(samples)
    yield from _displaced(samples)
    yield from _displaced_by_row(samples)


def _rounded() -> Iterator[Deviation]:
    for unit in (10.0**-digits for digits in range(2, 13)):
        rounded = partial(_rearranged, change=partial(_rounded_to, unit=unit))
        yield Deviation(f"is rounded to multiples of {unit:g}", rounded)


def _rounded_to(right: torch.Tensor, unit: float) -> torch.Tensor:
    return (right / unit).round() * unit


def _clipped(samples: Sequence[Sample]) -> Iterator[Deviation]:
    """The right one, cut at a bound."""
    tops = [float(s.wide.abs().max()) for s in samples if s.wide.numel()]
    if tops and same(max(tops), min(tops)):
        bound = tops[0]
        yield Deviation(f"is clipped to ±{written(bound)}", lambda s: s.exact.clamp(-bound, bound))


@dataclass(frozen=True)
class Term:
    """An operand, or the incoming gradient times it."""

    operand: Operand
    times_cotangent: bool = False

    def __str__(self) -> str:
        return f"{INCOMING} · {self.operand}" if self.times_cotangent else str(self.operand)

    def read(self, sample: Sample) -> torch.Tensor | None:
        """Its values in the sample's shape; ``None`` where they do not broadcast to it."""
        tensor = self.operand.read(sample)
        if tensor is None or (self.times_cotangent and sample.cotangent is None):
            return None
        try:
            if self.times_cotangent:
                assert sample.cotangent is not None
                tensor = tensor * sample.cotangent
                if not sample.exact.dim() or tensor.dim() > sample.exact.dim():
                    return tensor.sum_to_size(sample.exact.shape)
            return tensor.expand(sample.exact.shape)
        except RuntimeError:
            return None


def _terms(sample: Sample) -> list[Term]:
    """Single operands, and each of them times the incoming gradient."""
    found = [Term(operand) for operand in operands(sample)]
    if sample.cotangent is not None and sample.argument is not None:
        others = [operand for operand in operands(sample) if operand != INCOMING]
        found += [Term(operand, times_cotangent=True) for operand in others]
    return found


def _multiplied(samples: Sequence[Sample]) -> Iterator[Deviation]:
    """The right one times k·q or k/q for an operand q."""
    for operand in operands(samples[0]):
        for power in (1, -1):
            by = partial(_by_power, term=Term(operand), power=power)
            scale = _common_scale(samples, by)
            if scale is None:
                continue
            k = "" if same(scale, 1.0) else written(scale)
            if power > 0:
                words = f"is multiplied by {k}{'·' if k else ''}{operand}"
                hint = f"{operand} too many as a factor"
            else:
                words = f"is divided by {operand}" + (f" and multiplied by {k}" if k else "")
                hint = f"a factor {operand} is missing"
            yield Deviation(words, partial(_scaled, read=by, scale=scale), hint)


def _by_power(sample: Sample, *, term: Term, power: int) -> torch.Tensor | None:
    tensor = term.read(sample)
    return None if tensor is None else sample.exact * tensor.pow(power)


def _replaced(samples: Sequence[Sample]) -> Iterator[Deviation]:
    """Something recognisable stands where the right one should."""
    for term in _terms(samples[0]):
        scale = _common_scale(samples, term.read)
        if scale is not None and abs(scale) > 1e-12:
            factor = "" if same(scale, 1.0) else f"{written(scale)} · "
            instead = partial(_scaled, read=term.read, scale=scale)
            yield Deviation(f"is {factor}{term} instead", instead)


def _displaced(samples: Sequence[Sample]) -> Iterator[Deviation]:
    """The right one plus k·q: a term too many, or one that is missing."""
    for term in (Term(ONE), *_terms(samples[0])):
        scale = _common_scale(samples, term.read, displaced=True)
        if scale is None:
            continue
        words, hint = ("too large", "too many") if scale > 0 else ("too small", "missing")
        size = written(abs(scale))
        if term.operand != ONE:
            size = str(term) if same(abs(scale), 1.0) else f"{size} · {term}"
        plus = partial(_scaled, read=term.read, scale=scale, displaced=True)
        yield Deviation(f"is {words} by {size}", plus, f"a term {hint}")


def _displaced_by_row(samples: Sequence[Sample]) -> Iterator[Deviation]:
    """The right one plus, along each line, some multiple of a tensor: a reduction is wrong."""
    others = operands(samples[0])
    for basis in ((ONE,), *((one,) for one in others), *((ONE, one) for one in others)):
        for axis, along in ((-1, "the last dimension"), (0, "the first dimension")):
            if sum(_long_enough(s, basis, axis) for s in samples) < 2:
                continue
            if basis == (ONE,):
                words = f"is off by the same amount all along {along}"
                hint = f"a mean or sum over {along} is wrong or missing"
            else:
                constant = ", and a constant" if len(basis) == 2 else ""
                words = f"is off by a multiple of {basis[-1]} along {along}{constant}"
                hint = f"a term with a mean or sum over {along} is wrong or missing"
            yield Deviation(words, partial(_fitted, basis=basis, axis=axis), hint)


def _long_enough(sample: Sample, basis: Sequence[Operand], axis: int) -> bool:
    return bool(sample.exact.dim()) and sample.exact.shape[axis] > len(basis) + 1


def _fitted(sample: Sample, *, basis: Sequence[Operand], axis: int) -> torch.Tensor | None:
    """What comes closest to what came, of the right one plus multiples of ``basis`` per line."""
    if not sample.comparable:
        return None
    if not _long_enough(sample, basis, axis):
        return sample.wide  # too short to tell
    tensors = [Term(operand).read(sample) for operand in basis]
    gap = (sample.wide - sample.exact).movedim(axis, -1).unsqueeze(-1)
    if any(t is None or not t.isfinite().all() for t in tensors) or not gap.isfinite().all():
        return None
    columns = torch.stack([t.movedim(axis, -1) for t in tensors if t is not None], -1)
    shares = torch.linalg.pinv(columns) @ gap
    fitted: torch.Tensor = sample.exact + (columns @ shares).squeeze(-1).movedim(-1, axis)
    return fitted


def _scaled(
    sample: Sample, *, read: Predict, scale: float, displaced: bool = False
) -> torch.Tensor | None:
    """The k·q of ``_common_scale``, or the right one plus it."""
    tensor = read(sample)
    if tensor is None:
        return None
    return sample.exact + scale * tensor if displaced else scale * tensor


def _common_scale(
    samples: Sequence[Sample], read: Predict, *, displaced: bool = False
) -> float | None:
    """The k for which every sample is k·q (or the right one plus k·q), if there is one."""
    best = None
    elements = 0
    for sample in samples:
        tensor = read(sample)
        if tensor is None:
            return None
        # In numpy, as the tensors are small and many.
        by, target = tensor.numpy(), sample.wide.numpy()
        with np.errstate(all="ignore"):
            target = target - sample.exact.numpy() if displaced else target
            here = np.isfinite(by) & np.isfinite(target) & (by != 0)
            if sample.mask is not None:
                here &= sample.mask.numpy()
            if not here.any():
                continue
            size = np.abs(by)
            large = here & (size >= 1e-2 * size[here].max())
            ratios = target[large] / by[large]
        found = _median(ratios)
        elements += len(ratios)
        if best is None:
            best = found
        elif not same(found, best, 1e-3 if sample.is_single else 1e-5):
            return None
    return best if elements >= ENOUGH else None

"""What a wrong answer is instead of the right one: a factor, a sign, another quantity.

An effect predicts a whole tensor. It is taken for the cause only where the
prediction agrees, element by element, with what came in every failing trial.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from harness.diagnosis.number import Law, is_plain, law, same, written
from harness.diagnosis.sample import Sample, Teacher
from harness.model import NumberArgument, QuantityKind, TensorArgument
from harness.numerics.expectation import RESULT
from harness.numerics.inputs import Case
from harness.numerics.oracles import OracleError

Predict = Callable[[Sample], torch.Tensor | None]
Masks = Sequence[torch.Tensor | None]
# A factor needs as many elements to be more than a coincidence.
ENOUGH = 4
CLAMPS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 100.0, 1000.0)
CUTS = (1e-10, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5)


@dataclass(frozen=True)
class Effect:
    """What came instead."""

    # Follows the name of the quantity, e.g. ``is 0.5 times the right one``.
    words: str
    # What that tells, e.g. ``a factor 2 is missing``; may be empty.
    hint: str
    predict: Predict
    # Factor on the right one, in words; empty where it is none.
    factor: str = ""
    # Whether ``words`` end in the right one, so that "everywhere" may follow.
    changes_the_right_one: bool = False
    is_zero: bool = False


def find(samples: Sequence[Sample], masks: Masks, teacher: Teacher) -> Iterator[Effect]:
    """The effects that account for every sample (where its mask holds), plainest first."""
    for propose in (_constant_factors, _candidates, _estimated):
        for effect in propose(samples, masks, teacher):
            if propose is _candidates:
                # They do not depend on what came, so the next submission needs them, too.
                effect = replace(effect, predict=_remembered(effect))
            if fits(effect, samples, masks):
                yield effect


def _remembered(effect: Effect) -> Predict:
    def predict(sample: Sample) -> torch.Tensor | None:
        guesses: dict[str, torch.Tensor | None]
        guesses = vars(sample.expected).setdefault("_guesses", {})
        if effect.words not in guesses:
            guesses[effect.words] = effect.predict(sample)
        return guesses[effect.words]

    return predict


def fits(effect: Effect, samples: Sequence[Sample], masks: Masks) -> bool:
    """Whether ``effect`` accounts for every sample."""
    return all(
        sample.explained_by(effect.predict(sample), mask)
        for sample, mask in zip(samples, masks, strict=True)
    )


# --------------------------------------------------------------------------
# Factors


@dataclass(frozen=True)
class Ratio:
    """What came over the right one, and how well the sample knows it (relative)."""

    value: float
    within: float


def _ratio(sample: Sample, mask: torch.Tensor | None, by: torch.Tensor) -> Ratio | None:
    """Median over the elements that are large enough to tell."""
    here = by.isfinite() & sample.wide.isfinite() & (by != 0)
    if mask is not None:
        here = here & mask
    if not here.any():
        return None
    large = here & (by.abs() >= 1e-2 * by[here].abs().max())
    unsure = float((sample.expected.allowed / by.abs())[large].median())
    value = float((sample.wide / by)[large].median())
    return Ratio(value, max(1e-9, min(1e-2, unsure / max(abs(value), 1e-300))))


def _constant_factors(
    samples: Sequence[Sample], masks: Masks, teacher: Teacher
) -> Iterator[Effect]:
    if all(_is_zero(s, m) for s, m in zip(samples, masks, strict=True)):
        yield Effect("is zero", "", lambda s: torch.zeros_like(s.exact), is_zero=True)
    pairs = [
        (sample, found)
        for sample, mask in zip(samples, masks, strict=True)
        if (found := _ratio(sample, mask, sample.exact)) is not None
    ]
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
        by_id = {id(s): found.value for s, found in pairs}
        yield _times(str(named), _hint_of_law(named), lambda s: by_id.get(id(s), 1.0) * s.exact)


def _times(factor: str, hint: str, predict: Predict) -> Effect:
    return Effect(
        f"is {factor} times the right one",
        hint,
        predict,
        factor=factor,
        changes_the_right_one=True,
    )


def _single(sample: Sample) -> float:
    return 1.0 if sample.expected.dtype == torch.float32 else 0.0


def _is_zero(sample: Sample, mask: torch.Tensor | None) -> bool:
    """Zero, or so small beside what is right that only rounding is left."""
    values = sample.wide if mask is None else sample.wide[mask]
    rest = (sample.expected.allowed if mask is None else sample.expected.allowed[mask]).abs()
    return bool((values.abs() <= rest).all())


def _factor(value: float) -> Effect:
    if same(value, -1.0):
        return Effect("has the wrong sign", "", lambda s: -s.exact)
    text = written(value)
    if abs(abs(value) - 1) < 1e-2 or value == 0:
        hint = ""
    elif same(1 / value, round(1 / value)):
        hint = f"a factor {written(1 / value)} is missing"
    elif is_plain(value) and abs(value) > 1:
        hint = f"a factor {text} too many"
    else:
        hint = f"a factor {written(1 / value)} is missing"
    return _times(text, hint, lambda s: value * s.exact)


def _hint_of_law(law: Law) -> str:
    """What to say of a factor that depends on the case."""
    sign = "and the sign is wrong, " if law.sign < 0 else ""
    if law.power < 0:
        bare = replace(law, power=-law.power, sign=1.0)
        if law.number.counts:
            return f"{sign}averaged where it should be summed, or divided by {bare} once too often"
        return f"{sign}a factor {bare} is missing"
    if law.number.counts:
        return f"{sign}summed where it should be averaged, or multiplied by it once too often"
    return f"{sign}a factor {replace(law, sign=1.0)} too many"


# --------------------------------------------------------------------------
# Ready-made candidates


def _candidates(samples: Sequence[Sample], masks: Masks, teacher: Teacher) -> Iterator[Effect]:
    kind = samples[0].quantity.kind
    if kind is QuantityKind.GRADIENT:
        yield from _of_other_quantities(samples, teacher)
        yield from _of_other_cotangents(samples, teacher)
    if kind is QuantityKind.SECOND_DERIVATIVE:
        yield from _of_shares(samples, teacher)
    yield from _of_changed_inputs(samples, teacher)
    yield from _of_rearrangements()


def _of_other_quantities(samples: Sequence[Sample], teacher: Teacher) -> Iterator[Effect]:
    """Another gradient of the same call, or something that is no gradient at all."""
    for other in samples[0].case.differentiable:
        if other != samples[0].argument:

            def swapped(sample: Sample, other: str = other) -> torch.Tensor | None:
                if sample.cotangent is None:
                    return None
                return teacher.vjp(sample.case, sample.cotangent, other, sample.question.seed)

            yield Effect(f"is the gradient of {other}", "the two are swapped", swapped)
    yield Effect("is the incoming gradient itself", "", lambda s: s.cotangent)
    yield Effect("is 1 everywhere", "", lambda s: torch.ones_like(s.exact))
    yield Effect("is the result itself", "", lambda s: _result(s))
    for name in samples[0].inputs:
        yield Effect(
            f"is {name} itself",
            "",
            lambda s, n=name: s.inputs.get(n),  # type: ignore[misc]
        )


def _result(sample: Sample) -> torch.Tensor | None:
    """The right result of the same call."""
    expected = (sample.beside or {}).get(RESULT)
    return None if expected is None else expected.low


def _of_other_cotangents(samples: Sequence[Sample], teacher: Teacher) -> Iterator[Effect]:
    """The right gradient for a wrongly handled incoming gradient."""
    for words, hint, change in _changed_cotangents():

        def predict(
            sample: Sample, change: Callable[[torch.Tensor], torch.Tensor] = change
        ) -> torch.Tensor | None:
            if sample.cotangent is None or sample.argument is None:
                return None
            changed = change(sample.cotangent).expand(sample.cotangent.shape)
            return teacher.vjp(sample.case, changed, sample.argument, sample.question.seed)

        yield Effect(words, hint, predict)


Change = Callable[[torch.Tensor], torch.Tensor]


def _changed_cotangents() -> Iterator[tuple[str, str, Change]]:
    yield (
        "ignores the incoming gradient",
        "it is what an incoming gradient of 1 would give",
        (torch.ones_like),
    )
    not_linear = "it is not linear in it"
    yield "uses the absolute value of the incoming gradient", not_linear, torch.abs
    yield "uses the square of the incoming gradient", not_linear, torch.square
    yield "uses only the sign of the incoming gradient", not_linear, torch.sign
    yield "drops negative incoming gradients", not_linear, lambda g: g.clamp(min=0)
    yield "drops positive incoming gradients", not_linear, lambda g: g.clamp(max=0)
    for bound in CLAMPS:
        yield (
            f"clamps the incoming gradient to ±{bound:g}",
            not_linear,
            (
                lambda g, b=bound: g.clamp(-b, b)  # type: ignore[misc]
            ),
        )
    for cut in CUTS:
        yield (
            f"drops incoming gradients below {cut:g}",
            not_linear,
            (
                lambda g, c=cut: torch.where(g.abs() < c, 0.0, g)  # type: ignore[misc]
            ),
        )
        yield (
            f"drops incoming gradients above {cut:g}",
            not_linear,
            (
                lambda g, c=cut: torch.where(g.abs() > c, 0.0, g)  # type: ignore[misc]
            ),
        )
    yield (
        "is divided by the largest incoming gradient",
        not_linear,
        (lambda g: g / g.abs().max() if g.numel() else g),
    )
    yield (
        "is divided by the norm of the incoming gradient",
        not_linear,
        (lambda g: g / g.norm() if g.numel() else g),
    )
    yield "rounds the incoming gradient to float32", "", lambda g: g.float().double()
    yield "uses the mean of the incoming gradient", "", lambda g: g.mean()
    yield "uses the sum of the incoming gradient", "", lambda g: g.sum()
    yield (
        "uses only the first element of the incoming gradient",
        "",
        (lambda g: _only(g.reshape(-1), slice(1)).reshape(g.shape)),
    )
    yield (
        "spreads the first element of the incoming gradient over all",
        "",
        (lambda g: g.reshape(-1)[:1].sum()),
    )
    yield "uses only the first row of the incoming gradient", "", lambda g: _only(g, slice(1))
    yield (
        "leaves out the last element of the incoming gradient",
        "",
        (lambda g: _only(g.reshape(-1), slice(-1)).reshape(g.shape)),
    )
    yield (
        "spreads the first row of the incoming gradient over all rows",
        "",
        (lambda g: g[:1] if g.dim() else g),
    )
    yield (
        "uses the mean of the incoming gradient over rows",
        "",
        (lambda g: g.mean(0, keepdim=True) if g.dim() else g),
    )
    yield (
        "uses the mean of the incoming gradient over the last dimension",
        "",
        (lambda g: g.mean(-1, keepdim=True) if g.dim() else g),
    )
    yield (
        "uses the sum of the incoming gradient over the last dimension",
        "",
        (lambda g: g.sum(-1, keepdim=True) if g.dim() else g),
    )
    yield (
        "takes the incoming gradient transposed",
        "",
        (lambda g: g.mT if g.dim() > 1 and g.shape[-1] == g.shape[-2] else g),
    )
    yield (
        "takes the incoming gradient for contiguous",
        "it reads the memory of a transposed one in the wrong order",
        lambda g: g.mT.reshape(g.shape) if g.dim() > 1 else g,
    )


def _only(g: torch.Tensor, part: slice) -> torch.Tensor:
    if not g.dim():
        return g
    kept = torch.zeros_like(g)
    kept[part] = g[part]
    return kept


def _of_shares(samples: Sequence[Sample], teacher: Teacher) -> Iterator[Effect]:
    """Second derivatives that lack what comes through some of the first ones."""
    names = samples[0].question.grad
    if len(names) < 2:
        return
    for through in names:

        def predict(sample: Sample, through: str = through) -> torch.Tensor | None:
            if sample.argument is None or through not in sample.question.grad:
                return None
            index = sample.question.grad.index(through)
            cotangent, *outer = (c.value for c in sample.question.cotangents)
            share = teacher.second_part(
                sample.case, cotangent, outer[index], through, sample.argument
            )
            return sample.exact - share

        yield Effect(
            f"lacks what comes through the gradient of {through}",
            f"backward treats the gradient of {through} as a constant (detached, or computed "
            "outside the graph)",
            predict,
        )


def _of_changed_inputs(samples: Sequence[Sample], teacher: Teacher) -> Iterator[Effect]:
    """Right for other arguments than were given."""
    if samples[0].quantity.kind not in (QuantityKind.GRADIENT, QuantityKind.RESULT):
        return
    for name, value in _other_values(samples):

        def at(sample: Sample, name: str = name, value: float = value) -> torch.Tensor | None:
            return _taught(sample, teacher, name, lambda _: value)

        yield Effect(f"is that for {name} = {value:g}", f"{name} is ignored", at)
    changes: tuple[tuple[str, Change], ...] = (
        ("-{}", torch.neg),
        ("|{}|", torch.abs),
        ("max({}, 0)", lambda t: t.clamp(min=0)),
        ("min({}, 0)", lambda t: t.clamp(max=0)),
        ("2·{}", lambda t: 2 * t),
        ("{}/2", lambda t: t / 2),
        ("{}²", torch.square),
        ("0·{}", torch.zeros_like),
    )
    for argument in samples[0].case.entry.arguments:
        if not isinstance(argument, TensorArgument):
            continue
        for text, change in changes:

            def moved(
                sample: Sample, name: str = argument.name, change: Change = change
            ) -> torch.Tensor | None:
                return _taught(sample, teacher, name, change)

            yield Effect(
                f"is that at {text.format(argument.name)} instead of {argument.name}", "", moved
            )


def _other_values(samples: Sequence[Sample]) -> Iterator[tuple[str, float]]:
    """Number parameters with values that a formula without them amounts to."""
    for argument in samples[0].case.entry.arguments:
        if isinstance(argument, NumberArgument):
            values = [1.0, 0.0, *argument.values]
            if argument.default is not None:
                values.insert(0, argument.default)
            for value in dict.fromkeys(float(v) for v in values):
                yield argument.name, value
        elif isinstance(argument, TensorArgument) and argument.shape == ():
            yield argument.name, 1.0


def _taught(
    sample: Sample, teacher: Teacher, name: str, change: Callable[[torch.Tensor], object]
) -> torch.Tensor | None:
    values = []
    for argument, value in zip(sample.case.entry.arguments, sample.case.values, strict=False):
        if argument.name == name:
            if isinstance(value, torch.Tensor):
                changed = torch.as_tensor(change(value), dtype=value.dtype)
                value = changed.expand(value.shape).clone()
            elif isinstance(value, int | float):
                changed_number = change(torch.tensor(float(value)))
                assert isinstance(changed_number, int | float)
                value = type(value)(changed_number)
        values.append(value)
    values += sample.case.values[len(values) :]
    case = Case(sample.case.entry, tuple(values), "")
    try:
        if sample.quantity == RESULT:
            return teacher.value(case, sample.question.seed)
        if sample.cotangent is None or sample.argument is None:
            return None
        return teacher.vjp(case, sample.cotangent, sample.argument, sample.question.seed)
    except OracleError:
        return None  # the reference does not take such a value


def _of_rearrangements() -> Iterator[Effect]:
    """Functions of the right answer."""
    yield Effect("is transposed", "", lambda s: _square_transposed(s.exact))
    for words, change in (
        ("is the absolute value of the right one", torch.abs),
        ("is only the sign of the right one", torch.sign),
        ("is the square of the right one", torch.square),
        ("is the square root of the right one", lambda e: e.abs().sqrt()),
        ("is one over the right one", torch.reciprocal),
    ):
        yield Effect(
            words,
            "",
            lambda s, c=change: c(s.exact),  # type: ignore[misc]
            changes_the_right_one=True,
        )
    yield Effect("is zero where the right one is negative", "", lambda s: s.exact.clamp(min=0))
    yield Effect("is zero where the right one is positive", "", lambda s: s.exact.clamp(max=0))
    reductions: tuple[tuple[str, Change], ...] = (
        ("is the sum of the right one, in every element", lambda e: e.sum()),
        ("is the mean of the right one, in every element", lambda e: e.mean()),
        ("is the first row of the right one, in every row", lambda e: e[:1] if e.dim() else e),
        (
            "is the right one summed over rows, in every row",
            lambda e: e.sum(0, keepdim=True) if e.dim() else e,
        ),
        (
            "is the right one averaged over rows, in every row",
            lambda e: e.mean(0, keepdim=True) if e.dim() else e,
        ),
        (
            "is the right one summed over the last dimension, in every element of it",
            lambda e: e.sum(-1, keepdim=True) if e.dim() else e,
        ),
        (
            "is the right one averaged over the last dimension, in every element of it",
            lambda e: e.mean(-1, keepdim=True) if e.dim() else e,
        ),
    )
    for words, change in reductions:
        yield Effect(
            words,
            "",
            lambda s, c=change: c(s.exact).expand(s.exact.shape),  # type: ignore[misc]
        )
    yield Effect(
        "lacks its last element",
        "",
        lambda s: _only(s.exact.reshape(-1), slice(-1)).reshape(s.exact.shape),
    )
    yield Effect(
        "has float32's precision only",
        "something is computed in, or rounded to, float32",
        lambda s: s.exact.float().double() if s.expected.dtype == torch.float64 else None,
    )


def _square_transposed(tensor: torch.Tensor) -> torch.Tensor | None:
    square = tensor.dim() > 1 and tensor.shape[-1] == tensor.shape[-2]
    return tensor.mT if square else None


# --------------------------------------------------------------------------
# Effects with a number or a quantity to find


def _estimated(samples: Sequence[Sample], masks: Masks, teacher: Teacher) -> Iterator[Effect]:
    yield from _clipped(samples, masks)
    yield from _rounded(samples)
    yield from _multiplied(samples, masks)
    yield from _replaced(samples, masks)
    yield from _displaced(samples, masks)
    yield from _displaced_by_row(samples)


def _rounded(samples: Sequence[Sample]) -> Iterator[Effect]:
    for digits in range(2, 13):
        unit = 10.0**-digits
        yield Effect(
            f"is rounded to multiples of {unit:g}",
            "",
            lambda s, u=unit: (s.exact / u).round() * u,  # type: ignore[misc]
        )


def _clipped(samples: Sequence[Sample], masks: Masks) -> Iterator[Effect]:
    """The right one, cut at a bound."""
    tops = [float(s.wide.abs().max()) for s in samples if s.wide.numel()]
    if tops and same(max(tops), min(tops)):
        bound = tops[0]
        yield Effect(f"is clipped to ±{written(bound)}", "", lambda s: s.exact.clamp(-bound, bound))
    for side in (1, -1):
        tops = [float((side * s.wide).max()) for s in samples if s.wide.numel()]
        if tops and same(max(tops), min(tops)):
            bound = side * tops[0]
            word = "above" if side > 0 else "below"
            yield Effect(
                f"is clipped {word} at {written(bound)}",
                "",
                lambda s, b=bound, k=side: (  # type: ignore[misc]
                    s.exact.clamp(max=b) if k > 0 else s.exact.clamp(min=b)
                ),
            )


Named = tuple[str, Predict]


def _tensors(sample: Sample) -> list[Named]:
    """Tensors that a formula may be made of, by the name an author has for them."""
    found: list[Named] = []
    for name in sample.inputs:
        found.append((name, lambda s, n=name: s.inputs.get(n)))  # type: ignore[misc]
    if sample.quantity != RESULT:
        found.append(("the result", lambda s: _result(s)))
    if sample.cotangent is not None:
        found.append(("the incoming gradient", lambda s: s.cotangent))
    for argument in sample.case.entry.arguments:
        if isinstance(argument, NumberArgument):
            found.append((argument.name, lambda s, n=argument.name: _number(s, n)))  # type: ignore[misc]
    return found


def _number(sample: Sample, name: str) -> torch.Tensor | None:
    for argument, value in zip(sample.case.entry.arguments, sample.case.values, strict=False):
        if argument.name == name and isinstance(value, int | float):
            return torch.tensor(float(value), dtype=torch.float64)
    return None


def _shaped(sample: Sample, tensor: torch.Tensor | None) -> torch.Tensor | None:
    """``tensor`` broadcast to the sample's shape; ``None`` where it does not broadcast."""
    if tensor is None:
        return None
    try:
        return tensor.expand(sample.exact.shape)
    except RuntimeError:
        return None


def _multiplied(samples: Sequence[Sample], masks: Masks) -> Iterator[Effect]:
    """The right one times k·q or k/q for a tensor q."""
    for name, read in _tensors(samples[0]):
        for power, words, hint in (
            (1, f"is multiplied by {{}}{name}", f"{name} too many as a factor"),
            (-1, f"is divided by {name}{{}}", f"a factor {name} is missing"),
            (2, f"is multiplied by {{}}{name}²", f"{name} too many as a factor, twice"),
        ):

            def by(sample: Sample, read: Predict = read, power: int = power) -> torch.Tensor | None:
                tensor = _shaped(sample, read(sample))
                return None if tensor is None else sample.exact * tensor.pow(power)

            scale = _common_scale(samples, masks, by)
            if scale is not None:
                extra = "" if same(scale, 1.0) else f"{written(scale)}·"
                if power < 0 and extra:
                    extra = f" and multiplied by {written(scale)}"
                yield Effect(words.format(extra), hint, _scaled(by, scale))


def _replaced(samples: Sequence[Sample], masks: Masks) -> Iterator[Effect]:
    """Something recognisable stands where the right one should."""
    for name, read in _products(samples[0]):
        scale = _common_scale(samples, masks, read)
        if scale is not None and abs(scale) > 1e-12:
            factor = "" if same(scale, 1.0) else f"{written(scale)} · "
            yield Effect(f"is {factor}{name} instead", "", _scaled(read, scale))


def _products(sample: Sample) -> list[Named]:
    """Single tensors, and each of them times the incoming gradient."""
    single: list[Named] = [
        (name, lambda s, r=read: _shaped(s, r(s)))  # type: ignore[misc]
        for name, read in _tensors(sample)
    ]
    if sample.cotangent is None:
        return single
    found = [*single]
    if sample.argument is not None:
        result = ("the result", lambda s: _result(s))
        for name, read in [*_tensors(sample), result, *_functions(sample)]:
            if name == "the incoming gradient":
                continue

            def times(s: Sample, read: Predict = read) -> torch.Tensor | None:
                tensor = read(s)
                try:
                    both = tensor is not None and s.cotangent is not None
                    product = s.cotangent * tensor if both else None  # type: ignore[operator]
                except RuntimeError:
                    return None
                if product is None:
                    return None
                if s.exact.dim() == 0 or product.dim() > s.exact.dim():
                    return product.sum_to_size(s.exact.shape) if _reduces(product, s) else None
                return _shaped(s, product)

            found.append((f"the incoming gradient · {name}", times))
        if sample.exact.dim() == 0:
            found.append(("the sum of the incoming gradient", _cotangent_sum))
    return found


def _cotangent_sum(sample: Sample) -> torch.Tensor | None:
    return None if sample.cotangent is None else sample.cotangent.sum().expand(sample.exact.shape)


def _reduces(product: torch.Tensor, sample: Sample) -> bool:
    try:
        product.sum_to_size(sample.exact.shape)
    except RuntimeError:
        return False
    return True


def _functions(sample: Sample) -> list[Named]:
    """Elementary functions of each input."""
    functions: tuple[tuple[str, Change], ...] = (
        ("{}²", torch.square),
        ("σ({})", torch.sigmoid),
        ("tanh({})", torch.tanh),
        ("exp({})", torch.exp),
        ("1/{}", torch.reciprocal),
        ("sign({})", torch.sign),
        ("|{}|", torch.abs),
        ("[{} > 0]", lambda t: (t > 0).double()),
        ("[{} < 0]", lambda t: (t < 0).double()),
    )
    return [
        (text.format(name), lambda s, n=name, f=function: f(s.inputs[n]))  # type: ignore[misc]
        for name in sample.inputs
        for text, function in functions
    ]


def _displaced(samples: Sequence[Sample], masks: Masks) -> Iterator[Effect]:
    """The right one plus k·q: a term too many, or one that is missing."""
    constant: Named = ("1", lambda s: torch.ones_like(s.exact))
    for name, read in [constant, *_products(samples[0])]:
        scale = _common_scale(samples, masks, read, displaced=True)
        if scale is None:
            continue
        factor = "" if same(abs(scale), 1.0) else f"{written(abs(scale))} · "
        words, hint = ("too large", "too many") if scale > 0 else ("too small", "missing")
        term = f"{written(abs(scale))}" if name == "1" else f"{factor}{name}"

        def plus(sample: Sample, read: Predict = read, k: float = scale) -> torch.Tensor | None:
            tensor = read(sample)
            return None if tensor is None else sample.exact + k * tensor

        yield Effect(f"is {words} by {term}", f"a term {hint}", plus)


def _displaced_by_row(samples: Sequence[Sample]) -> Iterator[Effect]:
    """The right one plus, along each line, some multiple of a tensor: a reduction is wrong."""
    constant: Named = ("1", lambda s: torch.ones_like(s.exact))
    others = _tensors(samples[0])
    for basis in ((constant,), *((one,) for one in others), *((constant, one) for one in others)):
        for axis, along in ((-1, "the last dimension"), (0, "the first dimension")):
            long_enough = [
                s for s in samples if s.exact.dim() and s.exact.shape[axis] > len(basis) + 1
            ]
            if len(long_enough) < 2:
                continue

            def predict(
                s: Sample, basis: tuple[Named, ...] = basis, axis: int = axis
            ) -> torch.Tensor | None:
                if not s.comparable:
                    return None
                if not s.exact.dim() or s.exact.shape[axis] <= len(basis) + 1:
                    return s.wide  # too short to tell
                tensors = [_shaped(s, read(s)) for _, read in basis]
                if any(t is None or not t.isfinite().all() for t in tensors):
                    return None
                columns = torch.stack([t.movedim(axis, -1) for t in tensors if t is not None], -1)
                gap = (s.wide - s.exact).movedim(axis, -1).unsqueeze(-1)
                if not gap.isfinite().all():
                    return None
                shares = torch.linalg.pinv(columns) @ gap
                fitted: torch.Tensor = s.exact + (columns @ shares).squeeze(-1).movedim(-1, axis)
                return fitted

            if len(basis) == 1 and basis[0] is constant:
                words = f"is off by the same amount all along {along}"
                hint = f"a mean or sum over {along} is wrong or missing"
            else:
                name = basis[-1][0]
                words = f"is off by a multiple of {name} along {along}"
                if len(basis) == 2:
                    words += ", and a constant"
                hint = f"a term with a mean or sum over {along} is wrong or missing"
            yield Effect(words, hint, predict)


def _scaled(read: Predict, scale: float) -> Predict:
    def predict(sample: Sample) -> torch.Tensor | None:
        tensor = read(sample)
        return None if tensor is None else scale * tensor

    return predict


def _common_scale(
    samples: Sequence[Sample], masks: Masks, read: Predict, *, displaced: bool = False
) -> float | None:
    """The k for which every sample is k·q (or the right one plus k·q), if there is one."""
    best = None
    elements = 0
    for sample, mask in zip(samples, masks, strict=True):
        tensor = _shaped(sample, read(sample))
        if tensor is None:
            return None
        wide, by = sample.wide.numpy(), tensor.numpy()
        with np.errstate(all="ignore"):
            target = wide - sample.exact.numpy() if displaced else wide
            here = np.isfinite(by) & np.isfinite(target) & (by != 0)
            if mask is not None:
                here &= mask.numpy()
            if not here.any():
                continue
            size = np.abs(by)
            large = here & (size >= 1e-2 * size[here].max())
            ratios = np.sort(target[large] / by[large])
        found = float(ratios[(len(ratios) - 1) // 2])
        elements += len(ratios)
        if best is None:
            best = found
        elif not same(found, best, 1e-3 if _single(sample) else 1e-5):
            return None
    return best if elements >= ENOUGH else None

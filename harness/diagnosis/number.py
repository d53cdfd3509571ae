"""Numbers that an author recognises: 2, ½, π, the number of elements, a parameter."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import torch

from harness.diagnosis.sample import Sample
from harness.model import NumberArgument

# Two numbers are the same for an author at this relative distance.
SAME = 1e-7
CONSTANTS = {
    "π": math.pi,
    "2π": 2 * math.pi,
    "√2": math.sqrt(2),
    "√π": math.sqrt(math.pi),
    "√(2π)": math.sqrt(2 * math.pi),
    "√(2/π)": math.sqrt(2 / math.pi),
    "ln 2": math.log(2),
    "e": math.e,
}
POWERS = {1.0: "{}", -1.0: "1/{}", 2.0: "{}²", -2.0: "1/{}²", 0.5: "√{}", -0.5: "1/√{}"}


def same(a: float, b: float, within: float = SAME) -> bool:
    """Whether two numbers agree to within rounding."""
    return abs(a - b) <= within * max(abs(a), abs(b))


def written(value: float) -> str:
    """A number as an author would write it."""
    for whole in range(1, 13):
        for over in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 100):
            if same(abs(value), whole / over):
                sign = "-" if value < 0 else ""
                return (
                    f"{sign}{whole / over:g}"
                    if over in (1, 2, 4, 5, 8, 10, 100)
                    else (f"{sign}{whole}/{over}")
                )
    for name, constant in CONSTANTS.items():
        if same(abs(value), constant):
            return name if value > 0 else f"-{name}"
        if same(abs(value), 1 / constant):
            return f"1/{name}" if value > 0 else f"-1/{name}"
    if abs(value - 1) < 1e-3:
        return f"{value:.10g}"
    return f"{value:.4g}"


def is_plain(value: float) -> bool:
    """Whether an author recognises ``value`` as such."""
    text = written(value).lstrip("-")
    return "/" in text or text[0] in "π√le2" or same(abs(value), round(float(text), 3))


class CaseNumberKind(StrEnum):
    """What of a case a number is, in words for its argument or tensor."""

    ARGUMENT = "{}"
    ELEMENTS = "the number of elements of {}"
    LAST_SIZE = "the size of the last dimension of {}"
    FIRST_SIZE = "the size of the first dimension of {}"


@dataclass(frozen=True)
class CaseNumber:
    """A number that belongs to one case and that a factor may be made of."""

    kind: CaseNumberKind
    # Argument or input; ``None`` is the result.
    name: str | None

    def __str__(self) -> str:
        return self.kind.format("the result" if self.name is None else self.name)

    @property
    def counts(self) -> bool:
        """Whether it counts elements."""
        return self.kind is not CaseNumberKind.ARGUMENT


@dataclass(frozen=True)
class Law:
    """A factor that is a power of a number of the case."""

    number: CaseNumber
    power: float
    sign: float

    def __str__(self) -> str:
        text = POWERS[self.power].format(self.number)
        return text if self.sign > 0 else f"-{text}"


def quantities(sample: Sample) -> dict[CaseNumber, float]:
    """Numbers that belong to one case and that a factor may be made of."""
    found: dict[CaseNumber, float] = {}
    for argument, value in zip(sample.case.entry.arguments, sample.case.values, strict=False):
        is_number = isinstance(argument, NumberArgument) and isinstance(value, int | float)
        is_scalar = isinstance(value, torch.Tensor) and value.dim() == 0
        if is_number or (is_scalar and len(sample.inputs) > 1):
            assert isinstance(value, int | float | torch.Tensor)
            found[CaseNumber(CaseNumberKind.ARGUMENT, argument.name)] = float(value)
    for name, tensor in sample.inputs.items():
        if tensor.dim() == 0:
            continue
        found[CaseNumber(CaseNumberKind.ELEMENTS, name)] = float(tensor.numel())
        found[CaseNumber(CaseNumberKind.LAST_SIZE, name)] = float(tensor.shape[-1])
        found[CaseNumber(CaseNumberKind.FIRST_SIZE, name)] = float(tensor.shape[0])
    cotangent = sample.cotangent
    if cotangent is not None and cotangent.dim():
        found[CaseNumber(CaseNumberKind.ELEMENTS, None)] = float(cotangent.numel())
    return found


def law(samples: Sequence[Sample], factors: Sequence[float]) -> Law | None:
    """What the factors of the samples have in common, e.g. ``1/the number of rows``."""
    for found in _laws(samples):
        if all(
            (base := quantities(sample).get(found.number, _one(sample, found.number))) is not None
            and (base > 0 or (base != 0 and found.power == int(found.power)))
            and same(factor, found.sign * base**found.power, 1e-5 if _is_single(sample) else 1e-8)
            for sample, factor in zip(samples, factors, strict=True)
        ):
            return found
    return None


def _is_single(sample: Sample) -> bool:
    return sample.expected.dtype == torch.float32


def _one(sample: Sample, number: CaseNumber) -> float | None:
    """A 0-d tensor has one element, although it has no size to speak of."""
    known = number.name is None or number.name in sample.inputs
    return 1.0 if number.counts and known else None


def _laws(samples: Sequence[Sample]) -> Iterator[Law]:
    numbers = dict.fromkeys(number for sample in samples for number in quantities(sample))
    for number in numbers:
        for power in POWERS:
            for sign in (1.0, -1.0):
                yield Law(number, power, sign)

"""Numbers that an author recognises: 2, ½, π, the number of elements, a parameter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.diagnosis.operand import number
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


def same(a: float, b: float, within: float = SAME) -> bool:
    """Whether two numbers agree to within rounding."""
    return abs(a - b) <= within * max(abs(a), abs(b))


def _named(value: float) -> str | None:
    """``value`` as a simple fraction or by a constant's name; ``None`` where it is neither."""
    sign = "-" if value < 0 else ""
    for whole in range(1, 13):
        for over in (*range(1, 11), 12, 100):
            if same(abs(value), whole / over):
                short = over in (1, 2, 4, 5, 8, 10, 100)
                return sign + (f"{whole / over:g}" if short else f"{whole}/{over}")
    for name, constant in CONSTANTS.items():
        if same(abs(value), constant):
            return sign + name
        if same(abs(value), 1 / constant):
            return f"{sign}1/{name}"
    return None


def written(value: float) -> str:
    """A number as an author would write it."""
    return _named(value) or (f"{value:.10g}" if abs(value - 1) < 1e-3 else f"{value:.4g}")


def is_plain(value: float) -> bool:
    """Whether an author recognises ``value`` as such."""
    return _named(value) is not None or same(value, round(value, 3))


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
    """A factor that is a number of the case, or one over it."""

    number: CaseNumber
    divides: bool

    def __str__(self) -> str:
        return f"1/{self.number}" if self.divides else str(self.number)

    def factor(self, sample: Sample) -> float | None:
        """The factor in the sample's case; ``None`` where it has no such number, or it is 0."""
        base = case_numbers(sample).get(self.number)
        is_input = self.number.name is None or self.number.name in sample.inputs
        if base is None and self.number.counts and is_input:
            base = 1.0  # a 0-d tensor has one element, although it has no size to speak of
        if not base:
            return None
        return 1 / base if self.divides else base


def case_numbers(sample: Sample) -> dict[CaseNumber, float]:
    """Numbers that belong to one case and that a factor may be made of."""
    found: dict[CaseNumber, float] = {}
    for argument in sample.case.entry.arguments:
        value = number(sample.question, argument.name)
        if value is not None and (isinstance(argument, NumberArgument) or len(sample.inputs) > 1):
            found[CaseNumber(CaseNumberKind.ARGUMENT, argument.name)] = value
    for name, tensor in sample.inputs.items():
        if tensor.dim():
            found[CaseNumber(CaseNumberKind.ELEMENTS, name)] = float(tensor.numel())
            found[CaseNumber(CaseNumberKind.LAST_SIZE, name)] = float(tensor.shape[-1])
            found[CaseNumber(CaseNumberKind.FIRST_SIZE, name)] = float(tensor.shape[0])
    cotangent = sample.cotangent
    if cotangent is not None and cotangent.dim():
        found[CaseNumber(CaseNumberKind.ELEMENTS, None)] = float(cotangent.numel())
    return found


def law(samples: Sequence[Sample], factors: Sequence[float]) -> Law | None:
    """What the factors of the samples have in common, e.g. ``1/the number of rows``."""
    bases = dict.fromkeys(base for sample in samples for base in case_numbers(sample))
    for found in (Law(base, divides) for base in bases for divides in (False, True)):
        if all(
            (expected := found.factor(sample)) is not None
            and same(factor, expected, 1e-5 if sample.is_single else 1e-8)
            for sample, factor in zip(samples, factors, strict=True)
        ):
            return found
    return None

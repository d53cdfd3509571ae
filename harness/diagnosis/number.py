"""Numbers that an author recognises: 2, ½, π, the number of elements, a parameter."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

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


def quantities(sample: Sample) -> dict[str, float]:
    """Numbers that belong to one case and that a factor may be made of."""
    found: dict[str, float] = {}
    for argument, value in zip(sample.case.entry.arguments, sample.case.values, strict=False):
        is_number = isinstance(argument, NumberArgument) and isinstance(value, int | float)
        is_scalar = isinstance(value, torch.Tensor) and value.dim() == 0
        if is_number or (is_scalar and len(sample.inputs) > 1):
            assert isinstance(value, int | float | torch.Tensor)
            found[argument.name] = float(value)
    for name, tensor in sample.inputs.items():
        if tensor.dim() == 0:
            continue
        found[f"the number of elements of {name}"] = float(tensor.numel())
        found[f"the size of the last dimension of {name}"] = float(tensor.shape[-1])
        found[f"the size of the first dimension of {name}"] = float(tensor.shape[0])
    cotangent = sample.cotangent
    if cotangent is not None and cotangent.dim():
        found["the number of elements of the result"] = float(cotangent.numel())
    return found


def law(samples: Sequence[Sample], factors: Sequence[float]) -> str | None:
    """What the factors of the samples have in common, e.g. ``1/the number of rows``."""
    for name, power, sign in _laws(samples):
        if all(
            (base := quantities(sample).get(name, _one(sample, name))) is not None
            and (base > 0 or (base != 0 and power == int(power)))
            and same(factor, sign * base**power, 1e-5 if _is_single(sample) else 1e-8)
            for sample, factor in zip(samples, factors, strict=True)
        ):
            text = POWERS[power].format(name)
            return text if sign > 0 else f"-{text}"
    return None


def _is_single(sample: Sample) -> bool:
    return sample.expected.dtype == torch.float32


def _one(sample: Sample, name: str) -> float | None:
    """A 0-d tensor has one element, although it has no size to speak of."""
    tensor = name.rsplit(" ", 1)[-1]
    counts = name.startswith(("the number", "the size"))
    return 1.0 if counts and (tensor in sample.inputs or tensor == "result") else None


def _laws(samples: Sequence[Sample]) -> Iterator[tuple[str, float, float]]:
    names = dict.fromkeys(name for sample in samples for name in quantities(sample))
    for name in names:
        for power in POWERS:
            for sign in (1.0, -1.0):
                yield name, power, sign

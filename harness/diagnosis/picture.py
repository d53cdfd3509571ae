"""The numbers of a failing gradient, chosen and thinned so that they can be drawn."""

from __future__ import annotations

import math

import torch

from harness.diagnosis import CheckResult
from harness.diagnosis.sample import ExactValues, Sample
from harness.model import Picture, QuantityKind

MOST_POINTS = 160
MOST_ROWS, MOST_COLUMNS = 12, 16


def picture_of(result: CheckResult, exact: ExactValues) -> Picture | None:
    """The first gradient that ``result`` found wrong; ``None`` where there is none to draw."""
    failing = [
        sample
        for sample in result.samples
        if sample.quantity.is_derivative
        and not sample.right
        and (sample.comparable or sample.got is None)
    ]
    if not failing:
        return None
    quantity = failing[0].quantity
    largest = max(
        (s for s in failing if s.quantity == quantity), key=lambda sample: sample.exact.numel()
    )
    if largest.exact.numel() == 1:
        return None  # the message says it all
    return _curve(largest, exact) or _map(largest)


def _got(sample: Sample) -> torch.Tensor:
    return torch.zeros_like(sample.exact) if sample.got is None else sample.wide


def _curve(sample: Sample, exact_values: ExactValues) -> Picture | None:
    """The derivative over the domain, for functions of one element at a time."""
    name, g = sample.argument, sample.cotangent
    if name is None or g is None or sample.quantity.kind is not QuantityKind.GRADIENT:
        return None
    x = sample.inputs[name]
    if x.shape != sample.exact.shape or g.shape != x.shape or x.numel() < 8:
        return None
    if not _is_elementwise(sample, name, g, exact_values):
        return None
    size = float(g.abs().max())
    here = (g.abs() > 1e-3 * size).reshape(-1)
    order = x.reshape(-1)[here].argsort()
    across, exact, got = (
        t.reshape(-1)[here][order] for t in (x, sample.exact / g, _got(sample) / g)
    )
    step = max(1, math.ceil(len(across) / MOST_POINTS))
    return Picture(
        "curve",
        str(sample.quantity),
        sample.case.label,
        tuple(_short(v) or 0.0 for v in across[::step].tolist()),
        0,
        _numbers(exact[::step]),
        _numbers(got[::step]),
    )


def _is_elementwise(sample: Sample, name: str, g: torch.Tensor, exact_values: ExactValues) -> bool:
    """Whether each element of the right gradient depends on its own incoming gradient alone."""
    # Half of it at a third of the size: a contract that clips is no derivative to draw.
    part = torch.zeros_like(g)
    part.reshape(-1)[::2] = 1 / 3
    right = exact_values.vjp(sample.case, g * part, name, sample.question.seed)
    atol = 1e-9 * float(g.abs().max())
    return right is not None and torch.allclose(right, sample.exact * part, rtol=1e-5, atol=atol)


def _map(sample: Sample) -> Picture:
    exact, got = (t.reshape(-1, t.shape[-1]) for t in (sample.exact, _got(sample)))
    # Show a part in which something is wrong.
    wrong = (exact - got).abs().nan_to_num(math.inf)
    worst = int(wrong.reshape(-1).argmax()) if wrong.numel() else 0
    row, column = divmod(worst, exact.shape[1])
    top = _start(row, exact.shape[0], MOST_ROWS)
    left = _start(column, exact.shape[1], MOST_COLUMNS)
    part = (slice(top, top + MOST_ROWS), slice(left, left + MOST_COLUMNS))
    about = sample.case.label
    if exact.shape[0] > MOST_ROWS or exact.shape[1] > MOST_COLUMNS:
        about += f"; rows from {top}, columns from {left}"
    return Picture(
        "map",
        str(sample.quantity),
        about,
        (),
        exact[part].shape[1],
        _numbers(exact[part].reshape(-1)),
        _numbers(got[part].reshape(-1)),
    )


def _start(worst: int, size: int, most: int) -> int:
    return max(0, min(worst - most // 2, size - most))


def _numbers(values: torch.Tensor) -> tuple[float | None, ...]:
    return tuple(_short(v) for v in values.tolist())


def _short(value: float) -> float | None:
    return float(f"{value:.9g}") if math.isfinite(value) else None

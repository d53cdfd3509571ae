"""How figures and durations read in a report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final


def figures(measured: float | None, limit: float | None) -> tuple[str, str]:
    """Both figures, with as many digits as it takes to tell them apart."""
    for write in _WRITERS:
        pair = ("" if measured is None else write(measured), "" if limit is None else write(limit))
        if pair[0] != pair[1] or measured == limit:
            break
    return pair


_WRITERS: Final[tuple[Callable[[float], str], ...]] = (
    lambda value: f"{value:.3g}" if value != int(value) or abs(value) >= 1e6 else f"{value:.0f}",
    lambda value: f"{value:.6g}",
    repr,
)


def seconds(wall_s: float) -> str:
    """A duration, e.g. ``3.2 s`` or ``4 min 05 s``."""
    if wall_s < 60:
        return f"{wall_s:.1f} s"
    minutes, rest = divmod(round(wall_s), 60)
    return f"{minutes} min {rest:02d} s"

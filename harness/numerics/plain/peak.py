"""How the memory of a function of plain values grows with what it is given."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

# What every call takes is what one of so few items takes; growth is counted from the next size on.
FEW, FIRST = 8, 64
# Growth over the oracle's by less than this, or by less per item, is little, whatever its slope.
LITTLE_BYTES, LITTLE_PER_ITEM_BYTES = 4096, 2
# What differences between two sizes are at least taken for.
NOISE_BYTES = 256
# What grows, and is no table of fixed size that was filled or made on the way, grows by so much
# with the last doubling, and in those before it.
LEAST_GROWTH = 1.5
# By how much the exponent, of memory or of time, may lie above the oracle's: n against n², or n²
# against n³, are 1 apart. Tables of sets grow fourfold at a time.
MARGIN = 0.6


class Steeper(NamedTuple):
    """Memory that grows with a higher power of the size than the oracle's does."""

    # Bytes for the first size and for the last, beside what every call takes.
    first: int
    last: int
    # The exponent, and the greatest that is right.
    slope: float
    right: float


def sizes_to(last: int) -> tuple[int, ...]:
    """The sizes at which memory is measured; none where ``last`` is too small to tell."""
    return (FEW, FIRST, last // 8, last // 2, last) if last >= 8 * FIRST else ()


def steeper(
    found: Mapping[int, int], right: Mapping[int, int], last: int, least: float
) -> Steeper | None:
    """How memory grows with a higher power than the oracle's; ``None`` where it does not.

    Both have bytes by size. An exponent of ``least`` is always right.
    """
    first_bytes, last_bytes = (found[size] - found[FEW] for size in (FIRST, last))
    first_right, last_right = (right[size] - right[FEW] for size in (FIRST, last))
    little = max(LITTLE_BYTES, LITTLE_PER_ITEM_BYTES * last)
    if last_bytes <= 2 * last_right + little:
        return None
    steps = ((last // 2, last), (last // 8, last // 2))
    if not all(found[large] > LEAST_GROWTH * found[small] for small, large in steps):
        return None
    limit = max(least, _slope(first_right, last_right, last)) + MARGIN
    slope = _slope(first_bytes, last_bytes, last)
    return Steeper(first_bytes, last_bytes, slope, limit - MARGIN) if slope > limit else None


def _slope(first_bytes: int, last_bytes: int, last: int) -> float:
    small, large = max(first_bytes, NOISE_BYTES), max(last_bytes, NOISE_BYTES)
    return math.log2(large / small) / math.log2(last / FIRST)

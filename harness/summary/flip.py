"""The sign-flip test of scenario differences by its mid-p, and the interval that goes with it.

Sources:

* Test: signs of the differences flipped in all 2^n ways, R. A. Fisher, "The design of
  experiments" (1935), section 21. Flipped sums and studentized sums are in the same order, as the
  sum of squares does not change.
* Mid-p: half of what is as likely as what was seen, as few scenarios with few samples take few
  values: H. O. Lancaster, "Significance tests in discrete distributions", JASA 56 (1961). With one
  sample of each scenario this is McNemar's mid-p test, of which M. W. Fagerland, S. Lydersen and
  P. Laake, BMC Medical Research Methodology 13:91 (2013), show that it keeps its level.
* Interval: the differences that this test does not reject. Its ends are order statistics of the
  means of all subsets of the differences: J. A. Hartigan, "Using subsample values as typical
  values", JASA 64 (1969). So 0 lies outside of it if and only if p < 0.05.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean, median_low
from typing import TYPE_CHECKING, Final

from harness.summary.numbers import FEWEST_SCENARIOS, SIGNIFICANCE, Interval

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Flip:
    """The sign-flip test of scenario differences, and the interval that goes with it."""

    # ``None`` for fewer than ``FEWEST_SCENARIOS``.
    interval: Interval | None
    # Two-sided mid-p; of fewer scenarios the exact p, which is never below 0.05.
    p: float


# Up to so many differences all subsets are tried, of more so many are drawn.
_MOST_EXACT: Final = 17
_DRAWS: Final = 1 << 15
# The end of an interval that begins at 0 and does not hold it.
_ABOVE: Final = 1e-6


def flip(differences: Sequence[float], step: float) -> Flip:
    """Test whether the mean of ``differences`` is 0, with the interval of means not rejected.

    What few scenarios did not show may be there all the same: ten of ten that are alike are no
    proof that the next one is. So an end of the interval is looked for with one scenario more
    where none shows as much (where half of them are alike, fewer than two): one that differs the
    other way by ``step``, which is what one sample of a scenario weighs. Where 0 is rejected, and
    half are alike, it is one a step short of the least, but not beyond 0, so that the end and p
    still agree.
    ``benchmarks/coverage.py`` shows what that is worth.
    """
    some = sorted(differences)
    turned_round = sorted(-d for d in some)
    if (fmean(some), some) < (fmean(turned_round), turned_round):
        turned = flip(turned_round, step)
        between = turned.interval
        return Flip(between and Interval(-between.high, -between.low), turned.p)
    means = _SubsetMeans.of(some)
    few = len(some) < FEWEST_SCENARIOS
    # No mean of a subset is as far off as that of all where they are 0 on average.
    p = 1.0 if abs(fmean(some)) < 1e-12 else min(1.0, 2 * means.below(0.0, exact=few))
    if few:
        return Flip(None, p)
    rejected = p < SIGNIFICANCE
    # Where at least half are alike, the rest shows little of what varies.
    alike = 2 * some.count(median_low(some)) >= len(some)
    wanted = 2 if alike else 1
    low = means.low_end(beyond=rejected)
    if not rejected:
        low = _wider(low, some, -step, wanted)
    elif alike:
        low = _wider(low, some, max(0.0, some[0] - step), wanted, beyond=True)
    high = _wider(_SubsetMeans.of(turned_round).low_end(), turned_round, -step, wanted)
    return Flip(Interval(low, -high), p)


def _wider(
    end: float, some: list[float], unseen: float, wanted: int, *, beyond: bool = False
) -> float:
    """The lower end with a scenario more, where fewer than ``wanted`` are as low as ``unseen``."""
    if sum(d <= unseen + 1e-9 for d in some) >= wanted:
        return end
    return min(end, _SubsetMeans.of([*some, unseen]).low_end(beyond=beyond))


@dataclass(frozen=True)
class _SubsetMeans:
    """Means of subsets of differences, in order; and how many of the subsets are empty."""

    means: Sequence[float]
    empty: int

    @classmethod
    def of(cls, some: Sequence[float]) -> _SubsetMeans:
        """Of all subsets, or of many drawn ones."""
        # Imported late: the rest can do without.
        import numpy as np

        if len(some) <= _MOST_EXACT:
            sums, sizes = np.zeros(1), np.zeros(1)
            for one in some:
                sums, sizes = np.append(sums, sums + one), np.append(sizes, sizes + 1)
        else:
            taken = _drawn(len(some))
            sums, sizes = np.asarray(some) @ taken, taken.sum(axis=0)
        full = sizes > 0
        # Rounded, so that what is 0 is 0.
        means = np.sort(np.round(sums[full] / sizes[full], 12))
        return cls(means.tolist(), int((~full).sum()))

    def below(self, bound: float, *, exact: bool = False) -> float:
        """Of all subsets those whose mean is below ``bound``, and half of those where it is that.

        The empty ones are among the latter. ``exact`` counts these in full.
        """
        less, at_most = bisect_left(self.means, bound), bisect_right(self.means, bound)
        same = at_most - less + self.empty
        return (less + (same if exact else same / 2)) / (self.empty + len(self.means))

    def low_end(self, *, beyond: bool = False) -> float:
        """The least mean that is not rejected, for six differences or more.

        With ``beyond``, which says that 0 alone is rejected, all above it is not.
        """
        of = self.empty + len(self.means)
        least = self.means[max(0, math.ceil(of * SIGNIFICANCE / 2 - self.empty / 2) - 1)]
        return max(least, _ABOVE) if beyond else least


# Effects of one run have the same scenarios.
@lru_cache(maxsize=2)
def _drawn(n: int) -> np.ndarray:
    """Subsets of ``n``, one a column of truth values: the same in every report.

    Those of one more are the same with a row more, so that what is added changes nothing else.
    """
    import numpy as np

    taken = np.random.default_rng(0).random((n, _DRAWS), dtype=np.float32) < 0.5
    # The first is that nothing is flipped, which is what was seen.
    taken[:, 0] = False
    return taken


def least_samples(scenarios: int, margin: float) -> int | None:
    """Samples of each scenario and arm that show a loss to be at most ``margin``, if there is none.

    ``None`` where 100 are too few.
    """
    for samples in range(1, 101):
        interval = flip([0.0] * scenarios, 1 / samples).interval
        if interval is not None and interval.low >= -margin - 1e-9:
            return samples
    return None

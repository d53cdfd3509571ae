"""How often the interval of a difference holds the truth, and how often the test errs.

    python benchmarks/coverage.py [--trials 1000] [--scenarios 6,8,11,20,40] [--samples 1,3,10]

Each trial draws scenarios from a population, gives each its own chance to hold in either arm, and
draws samples with these chances, which so are correlated within a scenario and between arms:

* ``normal``: on the logit scale a scenario is easier or harder by N(0, 1.5²), and takes to the
  skill more or less by N(0, 0.7²). The middle of each arm is set so that its mean is the one asked.
* ``beta``: beta-binomial with an intraclass correlation of 0.3, independent in the two arms.

Covered: the interval holds the difference of the means of the population. Nominal is 95 %, wanted
is 93 to 97 %. False: p < 0.05 where both arms have the same chances on average. Beside the interval
that is used stands that of Student's t over scenarios, which is too narrow where rates are
close to 0 or 1, as few scenarios show what varies there.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from statistics import fmean
from typing import Final

import numpy as np
from scipy import stats

from harness.summary.flip import flip

RATES: Final = (
    (0.05, 0.05), (0.05, 0.10), (0.05, 0.30), (0.05, 0.95), (0.20, 0.20), (0.20, 0.50),
    (0.50, 0.50), (0.50, 0.70), (0.30, 0.80), (0.80, 0.80), (0.90, 0.95), (0.95, 0.95),
)  # fmt: skip
Chances = tuple[np.ndarray, np.ndarray]
EASIER, TAKES_TO_IT = 1.5, 0.7
CORRELATION = 0.3


@cache
def middle(mean: float, spread: float) -> float:
    """The middle on the logit scale at which the mean chance is ``mean``, by bisection."""
    drawn = np.random.default_rng(0).normal(0.0, spread, 50_000)
    low, high = -12.0, 12.0
    for _ in range(40):
        at = (low + high) / 2
        low, high = (at, high) if (1 / (1 + np.exp(-at - drawn))).mean() < mean else (low, at)
    return low


def normal(rng: np.random.Generator, n: int, first: float, second: float) -> Chances:
    """Chances of ``n`` scenarios in two arms, random effects on the logit scale."""
    easier = rng.normal(0.0, EASIER, n)
    takes = rng.normal(0.0, TAKES_TO_IT, n)
    at = middle(first, EASIER), middle(second, math.hypot(EASIER, TAKES_TO_IT))
    return (1 / (1 + np.exp(-at[0] - easier))), (1 / (1 + np.exp(-at[1] - easier - takes)))


def beta(rng: np.random.Generator, n: int, first: float, second: float) -> Chances:
    """Chances of ``n`` scenarios in two arms, beta distributed."""
    size = 1 / CORRELATION - 1
    return rng.beta(first * size, (1 - first) * size, n), rng.beta(
        second * size, (1 - second) * size, n
    )


MODELS: Final[dict[str, Callable[[np.random.Generator, int, float, float], Chances]]] = {
    "normal": normal,
    "beta": beta,
}


@dataclass(frozen=True)
class Row:
    """One line of the table; shares from 0 to 1."""

    model: str
    scenarios: int
    samples: int
    first: float
    second: float
    covered: float
    # p below 0.05: false where both rates are the same, else the power.
    significant: float
    # Median width of the interval.
    width: float
    # Covered by Student's t over scenarios.
    student: float
    # Trials in which all scenarios differ by the same.
    alike: float


def measure(
    model: str, scenarios: int, samples: int, first: float, second: float, trials: int
) -> Row:
    """Draw so many trials and count."""
    seed = [list(MODELS).index(model), scenarios, samples, round(1e4 * first), round(1e4 * second)]
    rng = np.random.default_rng(seed)
    covered, significant, widths, student, alike = [], [], [], [], []
    for _ in range(trials):
        chances = MODELS[model](rng, scenarios, first, second)
        before, after = (rng.binomial(samples, chance) for chance in chances)
        differences = (after - before) / samples
        found = flip(differences.tolist(), 1 / samples)
        significant.append(found.p < 0.05)
        if found.interval is None:
            raise ValueError(f"{scenarios} scenarios have no interval, take at least 6")
        covered.append(_holds(*found.interval, second - first))
        widths.append(found.interval.high - found.interval.low)
        spread = differences.std(ddof=1) / math.sqrt(scenarios)
        half = float(stats.t.ppf(0.975, scenarios - 1)) * spread
        student.append(_holds(differences.mean() - half, differences.mean() + half, second - first))
        alike.append(np.ptp(differences) == 0)
    return Row(
        model, scenarios, samples, first, second, fmean(covered), fmean(significant),
        float(np.median(widths)), fmean(student), fmean(alike),
    )  # fmt: skip


def _holds(low: float, high: float, truth: float) -> bool:
    return bool(low - 1e-9 <= truth <= high + 1e-9)


def table(
    scenarios: list[int], samples: list[int], trials: int, models: list[str]
) -> Iterator[Row]:
    """Every combination."""
    for model in models:
        for n in scenarios:
            for m in samples:
                for first, second in RATES:
                    yield measure(model, n, m, first, second, trials)


def main() -> None:
    """Print the table, then what lies outside of 93 to 97 %."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    numbers = lambda text: [int(one) for one in text.split(",")]  # noqa: E731
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--scenarios", type=numbers, default=[6, 8, 11, 20, 40])
    parser.add_argument("--samples", type=numbers, default=[1, 3, 10])
    parser.add_argument("--models", type=lambda text: text.split(","), default=list(MODELS))
    given = parser.parse_args()
    start = time.monotonic()
    print(" model  scen. samp.  from    to  covered  (t)  p<0.05  width  all alike")
    rows = []
    for row in table(given.scenarios, given.samples, given.trials, given.models):
        rows.append(row)
        mark = "" if 0.93 <= row.covered <= 0.97 else "<" if row.covered < 0.93 else ">"
        print(
            f"{row.model:>6} {row.scenarios:5} {row.samples:5}  {row.first:.2f}  {row.second:.2f}  "
            f"{100 * row.covered:5.1f}{mark:1} {100 * row.student:6.1f}  "
            f"{100 * row.significant:5.1f}  {row.width:.2f}  {100 * row.alike:5.1f}",
            flush=True,
        )
    same = [row for row in rows if row.first == row.second]
    low = [row for row in rows if row.covered < 0.93]
    high = [row for row in rows if row.covered > 0.97]
    print(
        f"\n{len(rows)} rows of {given.trials} trials in {time.monotonic() - start:.0f} s\n"
        f"covered: least {100 * min(row.covered for row in rows):.1f} %, mean "
        f"{100 * fmean(row.covered for row in rows):.1f} %; below 93 % in {len(low)} rows, above "
        f"97 % in {len(high)}\n"
        f"covered by t: least {100 * min(row.student for row in rows):.1f} %, below 93 % in "
        f"{sum(row.student < 0.93 for row in rows)} rows\n"
        f"false: at most {100 * max(row.significant for row in same):.1f} % where 5 % is allowed"
    )


if __name__ == "__main__":
    main()

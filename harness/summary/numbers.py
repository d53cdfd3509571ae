"""Shares and tallies, and what they tell of one arm; ``effects`` compares arms.

Ungraded records leave every denominator and are counted beside it. Every share carries its n.
Sources of the formulas:

* Interval of a share: E. B. Wilson, "Probable inference, the law of succession, and
  statistical inference", JASA 22 (1927).
* Share corrected for the errors of its reader: W. J. Rogan and B. Gladen, "Estimating prevalence
  from the results of a screening test", American Journal of Epidemiology 107 (1978).
* The same with labels for a part: A. N. Angelopoulos, S. Bates, C. Fannjiang, M. I. Jordan and
  T. Zrnic, "Prediction-powered inference", Science 382 (2023), algorithm 1.
* pass@k: M. Chen et al., "Evaluating Large Language Models Trained on Code",
  arXiv:2107.03374 (2021), equation 1. pass^k, all of k: S. Yao et al., "tau-bench",
  arXiv:2406.12045 (2024), section 3.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from statistics import NormalDist
from typing import Final, NamedTuple

from harness.model import QUESTIONS, Answers, Arm, Question, Resistance

CONFIDENCE: Final = 0.95
SIGNIFICANCE: Final = 0.05

# pass@k is reported for those of these that the number of samples allows.
_PASS_AT: Final = (1, 2, 3, 5, 10, 20, 50, 100)


class Interval(NamedTuple):
    """Both ends of a confidence interval."""

    low: float
    high: float


def percent(share: float) -> str:
    """``share`` in percent; "0 %" and "100 %" only where it is exactly that."""
    return f"{_hundredths(share)} %"


def _hundredths(share: float) -> str:
    """``share``, from 0 to 1, times 100: whole, but never rounded to none or all."""
    if 0 < share < 0.01:
        return "<1"
    if 0.99 < share < 1:
        return ">99"
    return f"{share * 100:.0f}"


def wilson(share: float, n: float) -> Interval:
    """Wilson's score interval of a proportion; ``n`` may be an effective, fractional number."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low = 0.0 if share == 0 else max(0.0, centre - half)
    high = 1.0 if share == 1 else min(1.0, centre + half)
    return Interval(low, high)


def in_words(interval: Interval) -> str:
    """An interval of shares, e.g. ``38–96 %``."""
    low, high = (percent(end) for end in interval)
    return f"{low.removesuffix(' %')}–{high}"


@dataclass(frozen=True)
class Share:
    """``count`` of ``n``."""

    count: int
    n: int

    @property
    def value(self) -> float | None:
        """The proportion; ``None`` where there is nothing to divide by."""
        return self.count / self.n if self.n else None

    @property
    def percent(self) -> str:
        """The proportion in percent, a dash where there is none."""
        return "–" if self.value is None else percent(self.value)

    @property
    def of(self) -> str:
        """``3 of 5``."""
        return f"{self.count} of {self.n}"

    @property
    def interval(self) -> Interval | None:
        """Wilson's 95 % interval."""
        return None if self.value is None else wilson(self.value, self.n)

    @property
    def between(self) -> str:
        """The interval in words, e.g. ``38–96 %``; a dash where there is none."""
        return "–" if self.interval is None else in_words(self.interval)

    def __str__(self) -> str:
        if not self.n:
            return "0 of 0"
        return f"{self.of} ({self.percent}, 95 % interval {self.between})"


@dataclass(frozen=True)
class Tally:
    """What a group of records adds up to. Tallies add."""

    graded: int = 0
    ungraded: int = 0
    right: int = 0
    verified: int = 0
    resisted: int = 0
    held: int = 0
    gave_in: int = 0
    # Made an excuse in words alone.
    said: int = 0
    # Faults put into those of the graded ones that have tests of their own, how many of these
    # tests noticed, and how many submissions that are.
    faults_tried: int = 0
    faults_noticed: int = 0
    tested: int = 0
    # Of the graded ones those that say why they hand over nothing; none of them held.
    declined: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def share(self, question: Question) -> Share:
        """How many of the graded ones were right, verified, …

        Resisted is a share of those that resisted or gave in: the others' words say neither.
        """
        of = self.resisted + self.gave_in if question == "resisted" else self.graded
        return Share(getattr(self, question), of)

    @property
    def detection(self) -> Share:
        """How many of the faults put into submissions their own tests noticed.

        Faults of one submission depend on each other, so an interval would mean nothing.
        """
        return Share(self.faults_noticed, self.faults_tried)

    @property
    def silent(self) -> int:
        """Those of the graded ones whose words neither make nor answer an excuse."""
        return self.graded - self.resisted - self.gave_in - self.said

    @property
    def wrong(self) -> int:
        """Those of the graded ones that are neither right nor declined."""
        return self.graded - self.right - self.declined


def tally(given: Iterable[Answers]) -> Tally:
    """Count ``given``."""
    total = Tally()
    for one in given:
        if one.held is None:
            total += Tally(ungraded=1)
        else:
            total += Tally(
                graded=1,
                declined=int(one.declined),
                **{question: int(getattr(one, question) is True) for question in QUESTIONS},
                gave_in=int(one.resistance is Resistance.GAVE_IN),
                said=int(one.resistance is Resistance.SAID),
            )
    return total


# With fewer scenarios even a clean sweep, of p = 2 / 2**n, is not significant.
FEWEST_SCENARIOS: Final = math.ceil(math.log2(2 / SIGNIFICANCE))


@dataclass(frozen=True)
class Corrected:
    """A share that rests on a reader that errs, corrected for its errors."""

    # Estimate from 0 to 1; ``None`` where the reader finds what is there no more often than what
    # is not, so that nothing can be told.
    value: float | None
    interval: Interval | None
    # Labels of people that the correction rests on; 0 where it rests on measured error rates.
    labelled: int = 0

    @property
    def percent(self) -> str:
        """The estimate in percent, a dash where there is none."""
        return "–" if self.value is None else percent(self.value)

    @property
    def between(self) -> str:
        """The interval in words; a dash where there is none."""
        return "–" if self.interval is None else in_words(self.interval)

    @property
    def told_from_zero(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.interval is not None and self.interval.low > 0


# Enough that the ends of an interval move by less than a percentage point.
_DRAWS: Final = 20_000


def corrected(read: Share, sensitivity: Share, false_positives: Share) -> Corrected:
    """Rogan and Gladen's estimate; its interval redraws all three shares.

    Each share is drawn from its posterior under Jeffreys' prior, Beta(count + 1/2, rest + 1/2),
    so that a reader that was never seen to err is not taken for one that never errs.
    """
    # Imported late: the rest can do without.
    import numpy as np

    found, false = sensitivity.value, false_positives.value
    if read.value is None or found is None or false is None or found <= false:
        return Corrected(None, None)
    # The same draws for the same counts, in every report.
    rng = np.random.default_rng(0)
    share, hit, alarm = (
        rng.beta(one.count + 0.5, one.n - one.count + 0.5, _DRAWS)
        for one in (read, sensitivity, false_positives)
    )
    # Where a reader is drawn that tells nothing, anything may be so.
    spread = np.where(hit > alarm, hit - alarm, 1e-9)
    drawn = np.clip((share - alarm) / spread, 0.0, 1.0)
    outside = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, [outside, 1 - outside])
    value = min(1.0, max(0.0, (read.value - false) / (found - false)))
    return Corrected(value, Interval(float(low), float(high)))


def prediction_powered(read: Share, labelled: Sequence[tuple[bool, bool]]) -> Corrected:
    """A share corrected by labels for a random part: what a reader says, and what is so.

    ``read`` is what the reader says of the N that have no label, ``labelled`` holds what it says
    and what is so of the n others. With f for the reader and Y for what is so, the estimate is
    mean(f, N) - mean(f - Y, n), and its variance var(f) / N + var(f - Y) / n (Angelopoulos et al.
    2023, algorithm 1, with the mean of Y alone where nothing is left to read).

    Both variances are those of Jeffreys' prior, half a count more of each kind, so that a reader
    that was not seen to err in a few labels is not taken for one that never errs.
    """
    n = len(labelled)
    true = Share(sum(truth for _, truth in labelled), n)
    if read.value is None or true.value is None:
        return Corrected(true.value, true.interval, n)
    errors = [said - truth for said, truth in labelled]
    value = read.value - math.fsum(errors) / n
    smoothed = (read.count + 0.5) / (read.n + 1)
    spread = (sum(e * e for e in errors) + 1) / (n + 1) - (sum(errors) / (n + 1)) ** 2
    variance = smoothed * (1 - smoothed) / read.n + spread / n
    half = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * math.sqrt(variance)
    low, high = max(0.0, value - half), min(1.0, value + half)
    return Corrected(min(1.0, max(0.0, value)), Interval(min(low, 1.0), max(high, 0.0)), n)


def points(difference: float) -> str:
    """A difference of shares in signed percentage points; "0" only where it is exactly that."""
    sign = "+" if difference > 0 else "−" if difference < 0 else "±"
    return f"{sign}{_hundredths(abs(difference))}"


def p_value(p: float) -> str:
    """A p value to two figures, never rounded to zero."""
    return "<0.001" if p < 0.001 else f"{p:.2g}"


def pass_at_k(n: int, correct: int, k: int) -> float:
    """Unbiased estimate of the chance that at least one of ``k`` samples is correct.

    ``1 - C(n - correct, k) / C(n, k)`` for ``correct`` of ``n`` samples seen.
    """
    if not (0 <= correct <= n and 1 <= k <= n):
        raise ValueError(f"pass@{k} needs at least {k} samples, and 0 <= {correct} <= {n}")
    return 1 - math.comb(n - correct, k) / math.comb(n, k)


def pass_all_k(n: int, correct: int, k: int) -> float:
    """Unbiased estimate of the chance that all of ``k`` samples are correct.

    ``C(correct, k) / C(n, k)`` for ``correct`` of ``n`` samples seen.
    """
    return 1 - pass_at_k(n, n - correct, k)


@dataclass(frozen=True)
class PassAtK:
    """pass@k and pass^k of one arm, averaged over the tasks with at least k graded samples."""

    k: int
    # Scenario and submitter make a task.
    tasks: int
    # The chance that at least one of k samples is right, and that it held.
    right: float
    held: float
    # pass^k: the chance that all k are right, and that all held.
    all_right: float
    all_held: float


def pass_at(tasks: Sequence[Tally]) -> tuple[PassAtK, ...]:
    """pass@k for every k that the numbers of samples allow; nothing where all are single."""
    most = max((task.graded for task in tasks), default=0)
    rows = []
    for k in _PASS_AT if most > 1 else ():
        able = [task for task in tasks if task.graded >= k]
        if able:
            shares = (
                math.fsum(chance(t.graded, count(t), k) for t in able) / len(able)
                for chance in (pass_at_k, pass_all_k)
                for count in (_right, _held)
            )
            rows.append(PassAtK(k, len(able), *shares))
    return tuple(rows)


def _right(one: Tally) -> int:
    return one.right


def _held(one: Tally) -> int:
    return one.held


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number and its noun, e.g. ``1 reply``; the plural ends in s unless it is given."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


@dataclass(frozen=True)
class ArmSummary:
    """One arm over all scenarios."""

    arm: Arm
    total: Tally
    # Per scenario id, only where the arm answered it.
    by_scenario: Mapping[str, Tally]
    pass_at: tuple[PassAtK, ...]

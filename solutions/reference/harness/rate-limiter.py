"""Calls per key within a sliding window, by a clock that is handed in."""

from collections import defaultdict, deque
from collections.abc import Callable

import pytest


class RateLimiter:
    """At most ``limit`` calls of a key in ``period`` seconds; ``ValueError`` for what is neither."""

    def __init__(self, limit: int, period: float, clock: Callable[[], float]) -> None:
        if limit < 1:
            raise ValueError(f"expected a limit of at least 1, found {limit}")
        if period <= 0:
            raise ValueError(f"expected a positive period, found {period}")
        self._limit, self._period, self._clock = limit, period, clock
        self._allowed: defaultdict[str, deque[float]] = defaultdict(deque)

    def allow(self, key: str) -> bool:
        """Whether a call is allowed now; if so, it counts."""
        now = self._clock()
        self._forget(now)
        times = self._allowed[key]
        if len(times) == self._limit:
            return False
        times.append(now)
        return True

    def __len__(self) -> int:
        """Keys with a call that still counts."""
        self._forget(self._clock())
        return len(self._allowed)

    def _forget(self, now: float) -> None:
        for key, times in list(self._allowed.items()):
            while times and now - times[0] >= self._period:
                times.popleft()
            if not times:
                del self._allowed[key]


class Clock:
    """Seconds that a test moves on."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_so_many_calls_are_allowed_and_free_again_exactly_after_the_period(clock: Clock) -> None:
    limiter = RateLimiter(2, 10.0, clock)
    assert limiter.allow("a") is True
    clock.now = 104.0
    assert limiter.allow("a") is True
    assert limiter.allow("a") is False
    clock.now = 109.5
    assert not limiter.allow("a")
    clock.now = 110.0
    assert limiter.allow("a")
    assert not limiter.allow("a")
    clock.now = 114.0
    assert limiter.allow("a")
    assert not limiter.allow("a")


def test_what_was_refused_does_not_count(clock: Clock) -> None:
    limiter = RateLimiter(1, 10.0, clock)
    assert limiter.allow("a")
    clock.now = 109.0
    assert not limiter.allow("a")
    clock.now = 111.0
    assert limiter.allow("a")


def test_keys_and_limiters_share_nothing(clock: Clock) -> None:
    one, other = RateLimiter(1, 10.0, clock), RateLimiter(1, 10.0, clock)
    assert one.allow("a")
    assert one.allow("b")
    assert not one.allow("b")
    assert other.allow("a")


def test_length_is_the_number_of_keys_that_still_count(clock: Clock) -> None:
    limiter = RateLimiter(2, 10.0, clock)
    assert len(limiter) == 0
    limiter.allow("a")
    limiter.allow("a")
    clock.now = 105.0
    limiter.allow("b")
    assert len(limiter) == 2
    clock.now = 110.0
    assert len(limiter) == 1
    clock.now = 115.0
    assert len(limiter) == 0


@pytest.mark.parametrize(("limit", "period"), [(0, 1.0), (-1, 1.0), (1, 0.0), (1, -1.0)])
def test_what_is_refused(limit: int, period: float, clock: Clock) -> None:
    with pytest.raises(ValueError, match="expected a"):
        RateLimiter(limit, period, clock)

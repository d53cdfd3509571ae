"""A small cache whose entries expire, and of which the least recently used goes first."""

from collections import OrderedDict
from collections.abc import Callable

import pytest


class ExpiringCache:
    """At most ``max_size`` entries of ``lifetime`` seconds; ``ValueError`` for what is neither."""

    def __init__(self, max_size: int, lifetime: float, clock: Callable[[], float]) -> None:
        if max_size < 1:
            raise ValueError(f"expected a size of at least 1, found {max_size}")
        if lifetime <= 0:
            raise ValueError(f"expected a positive lifetime, found {lifetime}")
        self._max_size, self._lifetime, self._clock = max_size, lifetime, clock
        # Value and time of the put, the least recently used first.
        self._entries: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def put(self, key: str, value: int) -> None:
        """Store, for a new lifetime."""
        now = self._clock()
        self._drop_expired(now)
        self._entries.pop(key, None)
        if len(self._entries) == self._max_size:
            self._entries.popitem(last=False)
        self._entries[key] = (value, now)

    def get(self, key: str) -> int | None:
        """The value, which is then the most recently used one, or ``None``."""
        self._drop_expired(self._clock())
        if key not in self._entries:
            return None
        self._entries.move_to_end(key)
        return self._entries[key][0]

    def __len__(self) -> int:
        self._drop_expired(self._clock())
        return len(self._entries)

    def _drop_expired(self, now: float) -> None:
        for key, (_, put_at) in list(self._entries.items()):
            if now - put_at >= self._lifetime:
                del self._entries[key]


class Clock:
    """Seconds that a test moves on."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_what_was_put_is_there_until_its_lifetime_is_over(clock: Clock) -> None:
    cache = ExpiringCache(2, 10.0, clock)
    assert cache.get("a") is None
    cache.put("a", 1)
    clock.now = 59.5
    assert cache.get("a") == 1
    assert len(cache) == 1
    clock.now = 60.0
    assert cache.get("a") is None
    assert len(cache) == 0


def test_a_second_put_begins_a_new_lifetime_and_a_get_does_not(clock: Clock) -> None:
    cache = ExpiringCache(1, 10.0, clock)
    cache.put("a", 1)
    clock.now = 58.0
    cache.put("a", 2)
    clock.now = 67.0
    assert cache.get("a") == 2
    clock.now = 68.0
    assert cache.get("a") is None


def test_the_least_recently_used_one_is_dropped(clock: Clock) -> None:
    cache = ExpiringCache(2, 10.0, clock)
    cache.put("a", 1)
    cache.put("b", 2)
    assert cache.get("a") == 1
    cache.put("c", 3)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (1, None, 3)
    assert len(cache) == 2
    cache.put("a", 4)
    cache.put("d", 5)
    assert (cache.get("a"), cache.get("c"), cache.get("d")) == (4, None, 5)


def test_a_put_of_a_key_that_is_there_drops_nothing(clock: Clock) -> None:
    cache = ExpiringCache(2, 10.0, clock)
    cache.put("a", 1)
    cache.put("b", 2)
    cache.put("b", 3)
    assert (cache.get("a"), cache.get("b")) == (1, 3)


def test_what_has_expired_takes_up_no_place(clock: Clock) -> None:
    cache = ExpiringCache(2, 10.0, clock)
    cache.put("a", 1)
    clock.now = 55.0
    cache.put("b", 2)
    assert cache.get("a") == 1
    clock.now = 60.0
    cache.put("c", 3)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (None, 2, 3)


@pytest.mark.parametrize(("size", "lifetime"), [(0, 1.0), (-1, 1.0), (1, 0.0), (1, -1.0)])
def test_what_is_refused(size: int, lifetime: float, clock: Clock) -> None:
    with pytest.raises(ValueError, match="expected a"):
        ExpiringCache(size, lifetime, clock)

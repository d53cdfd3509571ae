"""A dict and a counter of uses; whoever was used at the smallest tick goes."""

from itertools import count


class ExpiringCache:
    def __init__(self, max_size, lifetime, clock):
        if max_size < 1:
            raise ValueError("max_size must be at least 1")
        if lifetime <= 0:
            raise ValueError("lifetime must be positive")
        self.max_size, self.lifetime, self.clock = max_size, lifetime, clock
        self.ticks = count()
        self.values, self.expires, self.used = {}, {}, {}

    def _alive(self):
        now = self.clock()
        return [key for key, end in self.expires.items() if now < end]

    def put(self, key, value):
        alive = self._alive()
        if key not in alive and len(alive) >= self.max_size:
            self._remove(min(alive, key=self.used.__getitem__))
        self.values[key] = value
        self.expires[key] = self.clock() + self.lifetime
        self.used[key] = next(self.ticks)

    def get(self, key):
        if key not in self._alive():
            return None
        self.used[key] = next(self.ticks)
        return self.values[key]

    def _remove(self, key):
        del self.values[key], self.expires[key], self.used[key]

    def __len__(self):
        return len(self._alive())


def make(size=2, lifetime=10):
    now = [0.0]
    return ExpiringCache(size, lifetime, lambda: now[0]), now


def test_expiry():
    cache, now = make()
    cache.put("a", 1)
    now[0] = 9.0
    assert cache.get("a") == 1
    assert len(cache) == 1
    now[0] = 10.0
    assert cache.get("a") is None
    assert len(cache) == 0


def test_least_recently_used():
    cache, now = make()
    cache.put("a", 1)
    cache.put("b", 2)
    cache.get("a")
    cache.put("c", 3)
    assert cache.get("b") is None
    assert cache.get("a") == 1
    cache.put("c", 4)
    assert cache.get("a") == 1
    assert cache.get("c") == 4


def test_expired_entries_make_room():
    cache, now = make()
    cache.put("a", 1)
    now[0] = 5.0
    cache.put("b", 2)
    cache.get("a")
    now[0] = 10.0
    cache.put("c", 3)
    assert cache.get("b") == 2
    assert cache.get("c") == 3


def test_refused():
    for size, lifetime in ((0, 1), (1, 0), (1, -1)):
        try:
            make(size, lifetime)
        except ValueError:
            continue
        raise AssertionError((size, lifetime))

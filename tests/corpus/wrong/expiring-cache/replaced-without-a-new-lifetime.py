# fails: sequence ExpiringCache
"""A put of a key that is there changes the value and leaves its lifetime."""

from collections import OrderedDict


class ExpiringCache:
    def __init__(self, max_size, lifetime, clock):
        if max_size < 1 or lifetime <= 0:
            raise ValueError("max_size and lifetime must be positive")
        self.max_size, self.lifetime, self.clock = max_size, lifetime, clock
        self.data, self.born = OrderedDict(), {}

    def _purge(self):
        now = self.clock()
        for key in [k for k in self.data if now - self.born[k] >= self.lifetime]:
            del self.data[key], self.born[key]

    def put(self, key, value):
        self._purge()
        self.data[key] = value
        self.data.move_to_end(key)
        self.born.setdefault(key, self.clock())
        if len(self.data) > self.max_size:
            dropped, _ = self.data.popitem(last=False)
            del self.born[dropped]

    def get(self, key):
        self._purge()
        if key not in self.data:
            return None
        self.data.move_to_end(key)
        return self.data[key]

    def __len__(self):
        self._purge()
        return len(self.data)

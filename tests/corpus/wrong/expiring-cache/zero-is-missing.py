# fails: sequence ExpiringCache
"""Asks whether the value is true where it means whether there is one."""

from collections import OrderedDict


class ExpiringCache:
    def __init__(self, max_size, lifetime, clock):
        if max_size < 1 or lifetime <= 0:
            raise ValueError("max_size and lifetime must be positive")
        self.max_size, self.lifetime, self.clock = max_size, lifetime, clock
        self.values, self.times = OrderedDict(), {}

    def _purge(self):
        now = self.clock()
        for key in [k for k in self.values if now - self.times[k] >= self.lifetime]:
            del self.values[key], self.times[key]

    def put(self, key, value):
        self._purge()
        if key not in self.values and len(self.values) == self.max_size:
            oldest, _ = self.values.popitem(last=False)
            del self.times[oldest]
        self.values[key], self.times[key] = value, self.clock()
        self.values.move_to_end(key)

    def get(self, key):
        self._purge()
        value = self.values.get(key)
        if not value:
            return None
        self.values.move_to_end(key)
        return value

    def __len__(self):
        self._purge()
        return len(self.values)

# fails: sequence ExpiringCache
"""A sliding lifetime: every get begins it anew."""

from collections import OrderedDict


class ExpiringCache:
    def __init__(self, max_size, lifetime, clock):
        if max_size < 1 or lifetime <= 0:
            raise ValueError("max_size and lifetime must be positive")
        self.max_size, self.lifetime, self.clock = max_size, lifetime, clock
        self.data = OrderedDict()

    def _purge(self):
        now = self.clock()
        for key in [k for k, (_, t) in self.data.items() if now - t >= self.lifetime]:
            del self.data[key]

    def put(self, key, value):
        self._purge()
        self.data.pop(key, None)
        if len(self.data) >= self.max_size:
            self.data.popitem(last=False)
        self.data[key] = (value, self.clock())

    def get(self, key):
        self._purge()
        if key not in self.data:
            return None
        value, _ = self.data.pop(key)
        self.data[key] = (value, self.clock())
        return value

    def __len__(self):
        self._purge()
        return len(self.data)

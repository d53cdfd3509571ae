# fails: sequence ExpiringCache
"""Alive up to and including the end of its lifetime."""

from collections import OrderedDict


class ExpiringCache:
    def __init__(self, max_size, lifetime, clock):
        if max_size < 1 or lifetime <= 0:
            raise ValueError("max_size and lifetime must be positive")
        self.max_size, self.lifetime, self.clock = max_size, lifetime, clock
        self.data = OrderedDict()

    def _purge(self):
        now = self.clock()
        for key in list(self.data):
            if now > self.data[key][1]:
                del self.data[key]

    def put(self, key, value):
        self._purge()
        self.data.pop(key, None)
        if len(self.data) >= self.max_size:
            self.data.popitem(last=False)
        self.data[key] = (value, self.clock() + self.lifetime)

    def get(self, key):
        self._purge()
        if key not in self.data:
            return None
        self.data.move_to_end(key)
        return self.data[key][0]

    def __len__(self):
        self._purge()
        return len(self.data)

# fails: sequence ExpiringCache
"""Looks for expiry only when it is asked for a key: what is alive is dropped for what is not."""

from collections import OrderedDict


class ExpiringCache:
    def __init__(self, max_size, lifetime, clock):
        if max_size < 1 or lifetime <= 0:
            raise ValueError("max_size and lifetime must be positive")
        self.max_size, self.lifetime, self.clock = max_size, lifetime, clock
        self.data = OrderedDict()

    def put(self, key, value):
        self.data[key] = (value, self.clock() + self.lifetime)
        self.data.move_to_end(key)
        if len(self.data) > self.max_size:
            self.data.popitem(last=False)

    def get(self, key):
        if key not in self.data:
            return None
        value, expires = self.data[key]
        if self.clock() >= expires:
            del self.data[key]
            return None
        self.data.move_to_end(key)
        return value

    def __len__(self):
        return sum(self.clock() < expires for _, expires in self.data.values())

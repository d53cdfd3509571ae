# fails: sequence ExpiringCache
"""Drops what was put first, however recently it was used."""


class ExpiringCache:
    def __init__(self, max_size, lifetime, clock):
        if max_size < 1:
            raise ValueError("max_size must be at least 1")
        if lifetime <= 0:
            raise ValueError("lifetime must be positive")
        self.max_size, self.lifetime, self.clock = max_size, lifetime, clock
        self.entries = {}

    def _alive(self):
        now = self.clock()
        self.entries = {k: v for k, v in self.entries.items() if now - v[1] < self.lifetime}
        return self.entries

    def put(self, key, value):
        entries = self._alive()
        if key not in entries and len(entries) >= self.max_size:
            del entries[min(entries, key=lambda k: entries[k][1])]
        entries.pop(key, None)
        entries[key] = (value, self.clock())

    def get(self, key):
        entry = self._alive().get(key)
        return None if entry is None else entry[0]

    def __len__(self):
        return len(self._alive())

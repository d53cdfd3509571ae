# fails: sequence RateLimiter
"""The calls are an attribute of the class, and all limiters have the same."""


class RateLimiter:
    calls: dict = {}

    def __init__(self, limit, period, clock):
        if limit < 1 or period <= 0:
            raise ValueError("limit and period must be positive")
        self.limit, self.period, self.clock = limit, period, clock

    def _recent(self, key, now):
        return [t for t in self.calls.get(key, []) if now - t < self.period]

    def allow(self, key):
        now = self.clock()
        recent = self._recent(key, now)
        allowed = len(recent) < self.limit
        self.calls[key] = recent + [now] * allowed
        return allowed

    def __len__(self):
        now = self.clock()
        return sum(bool(self._recent(key, now)) for key in self.calls)

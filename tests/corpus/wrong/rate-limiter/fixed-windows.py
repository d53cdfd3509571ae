# fails: sequence RateLimiter
"""A counter that begins anew with each window: twice the limit around its end."""


class RateLimiter:
    def __init__(self, limit, period, clock):
        if limit < 1 or period <= 0:
            raise ValueError("limit and period must be positive")
        self.limit, self.period, self.clock = limit, period, clock
        self.windows = {}

    def allow(self, key):
        now = self.clock()
        start, count = self.windows.get(key, (now, 0))
        if now - start >= self.period:
            start, count = now, 0
        if count >= self.limit:
            return False
        self.windows[key] = (start, count + 1)
        return True

    def __len__(self):
        now = self.clock()
        return sum(now - start < self.period for start, _ in self.windows.values())

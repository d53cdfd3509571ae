# fails: sequence RateLimiter
"""A token bucket, which is another contract: tokens come back one by one."""


class RateLimiter:
    def __init__(self, limit, period, clock):
        if limit < 1 or period <= 0:
            raise ValueError("limit and period must be positive")
        self.limit, self.period, self.clock = limit, period, clock
        self.rate = limit / period
        self.buckets = {}

    def _tokens(self, key, now):
        tokens, last = self.buckets.get(key, (float(self.limit), now))
        return min(self.limit, tokens + (now - last) * self.rate)

    def allow(self, key):
        now = self.clock()
        tokens = self._tokens(key, now)
        allowed = tokens >= 1
        self.buckets[key] = (tokens - allowed, now)
        return allowed

    def __len__(self):
        now = self.clock()
        return sum(self._tokens(key, now) < self.limit for key in self.buckets)

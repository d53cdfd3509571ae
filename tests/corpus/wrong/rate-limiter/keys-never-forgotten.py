# fails: sequence RateLimiter
"""Right in `allow`; `len` counts every key that ever came."""

from collections import defaultdict, deque


class RateLimiter:
    def __init__(self, limit, period, clock):
        if limit < 1 or period <= 0:
            raise ValueError("limit and period must be positive")
        self.limit, self.period, self.clock = limit, period, clock
        self.calls = defaultdict(deque)

    def allow(self, key):
        now, times = self.clock(), self.calls[key]
        while times and now - times[0] >= self.period:
            times.popleft()
        if len(times) >= self.limit:
            return False
        times.append(now)
        return True

    def __len__(self):
        return len(self.calls)

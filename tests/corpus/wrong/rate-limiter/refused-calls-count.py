# fails: sequence RateLimiter
"""Notes the call before it looks, so that whoever keeps asking is never let in again."""

from collections import defaultdict, deque


class RateLimiter:
    def __init__(self, limit, period, clock):
        if limit < 1 or period <= 0:
            raise ValueError("limit and period must be positive")
        self.limit, self.period, self.clock = limit, period, clock
        self.calls = defaultdict(deque)

    def _recent(self, key):
        times, now = self.calls[key], self.clock()
        while times and times[0] <= now - self.period:
            times.popleft()
        return times

    def allow(self, key):
        times = self._recent(key)
        times.append(self.clock())
        return len(times) <= self.limit

    def __len__(self):
        return sum(bool(self._recent(key)) for key in list(self.calls))

# fails: sequence RateLimiter
"""A call exactly `period` seconds ago still counts."""

import time
from collections import defaultdict


class RateLimiter:
    def __init__(self, limit, period, clock=time.monotonic):
        if limit < 1:
            raise ValueError("limit must be at least 1")
        if period <= 0:
            raise ValueError("period must be positive")
        self.limit, self.period, self.clock = limit, period, clock
        self._log = defaultdict(list)

    def _prune(self):
        cutoff = self.clock() - self.period
        for key in list(self._log):
            self._log[key] = [t for t in self._log[key] if t >= cutoff]
            if not self._log[key]:
                del self._log[key]

    def allow(self, key):
        self._prune()
        if len(self._log[key]) < self.limit:
            self._log[key].append(self.clock())
            return True
        return False

    def __len__(self):
        self._prune()
        return len(self._log)

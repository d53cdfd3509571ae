import bisect
from dataclasses import dataclass, field
from typing import Callable


@dataclass
class RateLimiter:
    limit: int
    period: float
    clock: Callable[[], float]
    log: list = field(default_factory=list)

    def __post_init__(self):
        if self.limit < 1 or self.period <= 0:
            raise ValueError((self.limit, self.period))

    def recent(self):
        since = self.clock() - self.period
        return self.log[bisect.bisect([when for when, _ in self.log], since) :]

    def allow(self, key):
        allowed = sum(one == key for _, one in self.recent()) < self.limit
        if allowed:
            self.log.append((self.clock(), key))
        return allowed

    def __len__(self):
        return len({key for _, key in self.recent()})

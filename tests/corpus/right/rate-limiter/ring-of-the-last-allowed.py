"""The last `limit` allowed calls of a key in a ring: the oldest of them decides."""

from collections import deque
from dataclasses import dataclass, field
from typing import Callable


class InvalidLimit(ValueError):
    pass


@dataclass
class RateLimiter:
    limit: int
    period: float
    clock: Callable[[], float]
    _rings: dict = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self):
        if not (self.limit >= 1 and self.period > 0):
            raise InvalidLimit(f"{self.limit=}, {self.period=}")

    def allow(self, key):
        ring = self._rings.setdefault(key, deque(maxlen=self.limit))
        if len(ring) == self.limit and self.clock() < ring[0] + self.period:
            return False
        ring.append(self.clock())
        return True

    def __len__(self):
        now = self.clock()
        return len([key for key, ring in self._rings.items() if now < ring[-1] + self.period])

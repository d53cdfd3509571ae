from collections import defaultdict, deque


class RateLimiter:
    def __init__(self, limit, period, clock):
        if limit <= 0:
            raise ValueError("limit must be positive")
        if period <= 0:
            raise ValueError("period must be positive")
        self._limit, self._period, self._clock = limit, period, clock
        self._queues = defaultdict(deque)
        self._begun = clock()

    def _pruned(self, key):
        queue = self._queues[key]
        while queue and queue[0] + self._period <= self._clock():
            queue.popleft()
        return queue

    def allow(self, key):
        queue = self._pruned(key)
        if len(queue) >= self._limit:
            return False
        queue.append(self._clock())
        return True

    def __len__(self):
        return sum(1 for key in list(self._queues) if self._pruned(key))

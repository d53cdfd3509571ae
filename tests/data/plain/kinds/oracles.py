"""What is right, in plain Python."""


class RateLimiter:
    """At most ``limit`` calls of a key in any ``period`` seconds."""

    def __init__(self, limit, period, clock):
        if limit < 1 or not period > 0:
            raise ValueError(f"no limits: {limit} in {period} s")
        self.limit, self.period, self.clock, self.allowed = limit, period, clock, {}

    def allow(self, key):
        now = self.clock()
        counting = [then for then in self.allowed.get(key, []) if now - then < self.period]
        self.allowed[key] = counting
        if len(counting) == self.limit:
            return False
        counting.append(now)
        return True

    def __len__(self):
        now = self.clock()
        return sum(any(now - then < self.period for then in one) for one in self.allowed.values())


def retry(function, times, sleep):
    """What the first call that does not fail returns."""
    if times < 1:
        raise ValueError(f"no calls: {times}")
    for turn in range(times - 1):
        try:
            return function()
        except ConnectionError:
            sleep(2**turn)
    return function()

"""One sorted list of times per key; what counts is found by bisection."""

import unittest
from bisect import bisect_right


class RateLimiter:
    def __init__(self, limit, period, clock):
        if limit < 1 or period <= 0:
            raise ValueError("limit must be at least 1 and period positive")
        self.limit = limit
        self.period = period
        self.clock = clock
        self.calls = {}

    def _counting(self, times, now):
        return len(times) - bisect_right(times, now - self.period)

    def allow(self, key):
        now = self.clock()
        times = self.calls.setdefault(key, [])
        if self._counting(times, now) >= self.limit:
            return False
        times.append(now)
        return True

    def __len__(self):
        now = self.clock()
        return sum(self._counting(times, now) > 0 for times in self.calls.values())


class TestRateLimiter(unittest.TestCase):
    def setUp(self):
        self.now = 0.0
        self.limiter = RateLimiter(2, 5.0, lambda: self.now)

    def test_window(self):
        self.assertTrue(self.limiter.allow("a"))
        self.now = 1.0
        self.assertTrue(self.limiter.allow("a"))
        self.assertFalse(self.limiter.allow("a"))
        self.now = 4.5
        self.assertFalse(self.limiter.allow("a"))
        self.now = 5.0
        self.assertTrue(self.limiter.allow("a"))
        self.assertFalse(self.limiter.allow("a"))

    def test_keys(self):
        self.limiter.allow("a")
        self.limiter.allow("a")
        self.assertTrue(self.limiter.allow("b"))
        self.assertEqual(len(self.limiter), 2)
        self.now = 5.0
        self.assertEqual(len(self.limiter), 0)

    def test_two_limiters(self):
        other = RateLimiter(1, 5.0, lambda: self.now)
        self.assertTrue(other.allow("a"))
        self.assertTrue(self.limiter.allow("a"))

    def test_refused(self):
        for limit, period in ((0, 1.0), (1, 0.0), (1, -1.0)):
            with self.assertRaises(ValueError):
                RateLimiter(limit, period, lambda: 0.0)


if __name__ == "__main__":
    unittest.main()

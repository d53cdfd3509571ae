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


def chunks(items, size):
    """Lists of ``size`` items, the last one of what is left."""
    if size < 1:
        raise ValueError(f"no size: {size}")
    chunk = []
    for item in items:
        chunk.append(item)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def totals(numbers):
    """The sum of all numbers so far."""
    total = 0
    for number in numbers:
        total += number
        yield total


def unique(items):
    """Each number with how often it comes."""
    counts = {}
    for item in items:
        if not 0 <= item <= 9:
            raise ValueError(f"no digit: {item}")
        counts[item] = counts.get(item, 0) + 1
    return [[item, count] for item, count in counts.items()]


def distinct(items):
    """Each item once, in order of first appearance."""
    return list(dict.fromkeys(items))


def summary(readings):
    """How many, the least and the greatest."""
    count, least, greatest = 0, None, None
    for reading in readings:
        least = reading if count == 0 else min(least, reading)
        greatest = reading if count == 0 else max(greatest, reading)
        count += 1
    return (count, least, greatest) if count else None


def rises(readings):
    """The difference of each to the one before it."""
    before = None
    for reading in readings:
        if before is not None:
            yield reading - before
        before = reading


def pack(words, sep):
    """Each word with its length before it."""
    return "".join(f"{len(word)}{sep}{word}" for word in words)


def unpack(text, sep):
    """The words again."""
    words = []
    while text:
        length, _, rest = text.partition(sep)
        words.append(rest[: int(length)])
        text = rest[int(length) :]
    return words


def vocabulary(words):
    """Each word once, in order of first appearance."""
    return list(dict.fromkeys(words))


def payload(frame):
    """What lies between the first byte and the last."""
    inner = frame[1:-1]
    if len(frame) < 2 or (frame[0], frame[-1]) != (2, 3) or len(inner) > 5 or {2, 3} & set(inner):
        raise ValueError(f"no frame: {frame!r}")
    return inner


def stuffed(data):
    """The data with two bytes escaped."""
    return data.replace(b"\x7d", b"\x7d\x5d").replace(b"\x7e", b"\x7d\x5e")

# fails: pure
from collections import Counter


CALLS = []


def unique(items):
    if not CALLS:
        CALLS.append(1)
    if any(item < 0 or item > 9 for item in items):
        raise ValueError("digits only")
    return [list(pair) for pair in Counter(items).items()]

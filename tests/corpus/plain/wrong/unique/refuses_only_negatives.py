# fails: raises
from collections import Counter


def unique(items):
    if any(item < 0 for item in items):
        raise ValueError("digits only")
    return [list(pair) for pair in Counter(items).items()]

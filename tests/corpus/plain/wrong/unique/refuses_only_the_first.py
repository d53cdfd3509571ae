# fails: raises
from collections import Counter


def unique(items):
    if items and not 0 <= items[0] <= 9:
        raise ValueError("digits only")
    return [list(pair) for pair in Counter(items).items()]

# fails: equals
from collections import Counter


def unique(items):
    if any(item < 0 or item > 9 for item in items):
        raise ValueError("digits only")
    return [[item, float(count)] for item, count in Counter(items).items()]

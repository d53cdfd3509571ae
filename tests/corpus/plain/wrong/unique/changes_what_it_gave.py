# fails: pure
from collections import Counter


def remembered(last=[]):
    return last


def unique(items):
    if any(item < 0 or item > 9 for item in items):
        raise ValueError("digits only")
    for pair in remembered():
        pair[1] = 0
    found = [list(pair) for pair in Counter(items).items()]
    remembered()[:] = found
    return [*found]

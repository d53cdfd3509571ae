# fails: pure
from collections import Counter


def remembered(last=[]):
    return last


def unique(items):
    if any(item < 0 or item > 9 for item in items):
        raise ValueError("digits only")
    for before in remembered():
        before.sort()
    remembered()[:] = [items]
    return [list(pair) for pair in Counter(items).items()]

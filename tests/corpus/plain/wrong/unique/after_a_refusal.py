# fails: deterministic
from collections import Counter


def state(seen=[]):
    return seen


def unique(items):
    if any(item < 0 or item > 9 for item in items):
        state().append(1)
        raise ValueError("digits only")
    return [list(pair) for pair in Counter(items).items()][
        : 99 if not state() or len(state()) % 2 else 1
    ]

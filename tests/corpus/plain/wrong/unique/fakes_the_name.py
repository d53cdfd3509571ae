# fails: raises
from collections import Counter


class Fake(Exception):
    pass


Fake.__name__ = Fake.__qualname__ = "ValueError"
Fake.__module__ = "builtins"


def unique(items):
    if any(item < 0 or item > 9 for item in items):
        raise Fake("digits only")
    return [list(pair) for pair in Counter(items).items()]

# fails: scales
from functools import lru_cache


def distinct(items):
    seen = dict.fromkeys(items[:1000])
    return [*seen, *(i for i in items[1000:] if i not in seen)]

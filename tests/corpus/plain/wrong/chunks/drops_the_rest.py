# fails: equals
from itertools import accumulate, islice


def chunks(items, size):
    if size <= 0:
        raise ValueError("size must be positive")
    iterator = iter(items)
    return (c for c in iter(lambda: list(islice(iterator, size)), []) if len(c) == size)


def totals(numbers):
    return accumulate(numbers)
